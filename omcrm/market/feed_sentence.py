"""Puts the events and problems of the feeds in words, for people."""

from collections.abc import Mapping

from msgspec import structs

from omcrm.market.feed_event import FeedCode, FeedEvent, FeedFigures, FeedProblem

_PROBLEMS: Mapping[FeedCode, str] = {
    FeedCode.SETTING_MISSING: "{setting} is not set",
    FeedCode.KEY_IN_USE: "process {process} has the one connection that its key allows",
    FeedCode.SYMBOL_LIMIT: "{count} symbols wanted, {limit} are allowed: the rest is off",
    FeedCode.QUOTA_USED_UP: "its quota is used up until {until:%Y-%m-%d %H:%M} UTC",
    FeedCode.CALLS_UNCOUNTED: "its calls cannot be counted: {detail}",
    FeedCode.ADDRESS_INVALID: "its address is no HTTP URL",
    FeedCode.NO_TIME_LEFT: "no time left",
    FeedCode.STOPPED: "stopped",
    FeedCode.SUPERVISOR_DIED: "supervisor died: {detail}",
    FeedCode.POLLER_DIED: "poller died: {detail}",
    FeedCode.READING_FAILED: "reading it failed: {detail}",
    FeedCode.HOST_NOT_FOUND: "host not found",
    FeedCode.HOST_UNREACHABLE: "host unreachable",
    FeedCode.NETWORK_UNREACHABLE: "network unreachable",
    FeedCode.CONNECTION_REFUSED: "connection refused",
    FeedCode.CONNECTION_LOST: "connection lost",
    FeedCode.CONNECTION_FAILED: "{detail}",
    FeedCode.TIMED_OUT: "timed out",
    FeedCode.CERTIFICATE_INVALID: "its certificate is not valid",
    FeedCode.NO_ANSWER: "no answer ({detail})",
    FeedCode.PROXY_NOT_HTTP: "its proxy is none of HTTP",
    FeedCode.PROXY_REFUSED: "refused by its proxy",
    FeedCode.REFUSED: "refused with {status}: {detail}",
    FeedCode.REQUEST_REJECTED: "refused with {status}: {detail}",
    FeedCode.CLOSED_BY_UPSTREAM: "closed by the upstream: {detail}",
    FeedCode.NO_FRAME: "no frame for {seconds:.0f} s",
    FeedCode.NO_DATA: "connected, but no price for {seconds:.0f} s",
    FeedCode.NO_LOGIN_ANSWER: "no answer to the login for {seconds:.0f} s",
    FeedCode.LATE: "its ticks are {seconds:.0f} s late",
    FeedCode.CLOCK_OFF: "its times differ by {seconds:+.1f} s from this machine's clock",
    FeedCode.OWN_CLOCK_OFF: "this machine's clock is off by {seconds:+.1f} s",
    FeedCode.UNREADABLE_FRAME: "unreadable frame: {detail}",
    FeedCode.UNREADABLE_ANSWER: "unreadable answer: {detail}",
    FeedCode.NO_PRICE: "no price of {detail} in its answer",
    FeedCode.ANSWER_TOO_LARGE: "answer of more than {limit} bytes",
    FeedCode.ANSWER_CUT_SHORT: "answer cut short",
    FeedCode.UNKNOWN_ENCODING: "answer in an unknown encoding",
    FeedCode.REDIRECTED_TOO_OFTEN: "redirected too often or too slowly",
    FeedCode.REDIRECTED_NOWHERE: "redirected to no address",
    FeedCode.REDIRECTED_OFF_THE_WEB: "redirected to no web address",
    FeedCode.REDIRECTED_WITHOUT_TLS: "redirected to an address without TLS",
    FeedCode.REDIRECTED_INSIDE: "redirected to a private address",
}

_FAILOVERS: Mapping[FeedCode, str] = {
    FeedCode.FIRST_PRICE: "first price",
    FeedCode.SOURCE_DOWN: "{before} is down",
    FeedCode.SOURCE_OFF: "{before} is off",
    FeedCode.SOURCE_STALE: "{before} is stale",
    FeedCode.SOURCE_CONTRADICTED: "{before} is contradicted by other sources",
    FeedCode.SOURCE_RECOVERED: "{source} has recovered",
    FeedCode.MARKET_CLOSED: "the market is closed",
}

_COMPARISONS: Mapping[FeedCode, str] = {
    FeedCode.NOT_DECIDED: "live sources contradict each other, and none is live: {prices}",
    FeedCode.OUTVOTED: "{source} is not live: most sources contradict it: {prices}",
    FeedCode.FROZEN: "{source} is not live: its price stands still while others move: {prices}",
    FeedCode.FAR_APART: "{apart:.2%} apart, usually {usual:.2%}: {prices}",
    FeedCode.AGREED: "the live sources agree again",
    FeedCode.NO_LONGER_COMPARED: "no other live source is left to compare with",
}


def problem_sentence(problem: FeedProblem) -> str:
    """What is wrong with a feed: "refused with 429: too many calls"."""
    figures = structs.asdict(problem.figures)
    # An upstream may give no reason, and a refusal in a frame may have no number.
    figures["detail"] = problem.figures.detail or "no reason given"
    figures["process"] = problem.figures.process or "unknown"
    template = _PROBLEMS[problem.code]
    if not problem.figures.status:
        template = template.replace(" with {status}", "")
    sentence = template.format_map(figures)
    return f"its proxy: {sentence}" if problem.figures.by_proxy else sentence


def event_sentence(event: FeedEvent) -> str:
    """What happened: "binance is stale", "waiting: timed out", "jump: price 3"."""
    if event.code is None:
        return event.reason
    if event.code in _FAILOVERS:
        return _FAILOVERS[event.code].format(before=event.before, source=event.source)
    if event.code in _COMPARISONS:
        return _comparison(event.code, event)
    cause = cause_sentence(event)
    if event.figures.state is None:
        return f"{event.code.value}: {_prices(event.figures)}"
    return event.figures.state if cause is None else f"{event.figures.state}: {cause}"


def cause_sentence(event: FeedEvent) -> str | None:
    """The problem behind a feed's new state; None for other events, and where there is none."""
    if event.code is None or event.code not in _PROBLEMS:
        return None
    return problem_sentence(FeedProblem(event.code, event.figures))


def _comparison(code: FeedCode, event: FeedEvent) -> str:
    figures = event.figures
    prices = ", ".join(f"{other.source} {other.price}" for other in figures.others)
    return _COMPARISONS[code].format(
        source=event.source, prices=prices, apart=figures.apart, usual=figures.usual
    )


def _prices(figures: FeedFigures) -> str:
    """A rejected price, and those that it was compared with."""
    if figures.price is not None:
        rejected = f"price {figures.price}"
    else:
        rejected = "book" if figures.bid is None else f"book {figures.bid} / {figures.ask}"
    held = [] if figures.held is None else [f"its last price was {figures.held}"]
    others = [f"{other.source} says {other.price}" for other in figures.others]
    return "; ".join([rejected, *held, *others])
