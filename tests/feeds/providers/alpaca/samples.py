"""Samples of Alpaca, as it sends them; made by hand."""

from tests.feeds.samples import StreamSamples

_ALPACA_TRADE = (
    '{"T":"t","S":"AAPL","i":1201,"x":"V","p":231.55,"s":25,"c":["@","I"],"z":"C",'
    '"t":"2026-01-05T14:30:00.123456789Z"}'
)

_ALPACA_QUOTE = (
    '{"T":"q","S":"AAPL","bx":"V","bp":231.5,"bs":2,"ax":"V","ap":231.58,"as":1,"c":["R"],'
    '"z":"C","t":"2026-01-05T14:30:00.2Z"}'
)

_ALPACA_BAR = (
    '{"T":"d","S":"AAPL","o":230,"h":232.1,"l":229.95,"c":231.55,"v":1201344,"n":9120,'
    '"vw":231.02,"t":"2026-01-05T05:00:00Z"}'
)

_ALPACA_CORRECTION = (
    '{"T":"c","S":"AAPL","x":"V","oi":1201,"op":231.55,"os":25,"oc":["@"],"ci":1202,"cp":231.6,'
    '"cs":30,"cc":["@"],"z":"C","t":"2026-01-05T14:30:01Z"}'
)

ALPACA = (
    '[{"T":"success","msg":"connected"}]',
    '[{"T":"success","msg":"authenticated"}]',
    '[{"T":"subscription","trades":["AAPL"],"quotes":["AAPL"],"dailyBars":["AAPL"]}]',
    f"[{_ALPACA_TRADE}]",
    f"[{_ALPACA_QUOTE}]",
    f"[{_ALPACA_BAR}]",
    f"[{_ALPACA_TRADE},{_ALPACA_QUOTE},{_ALPACA_BAR}]",
    '[{"T":"b","S":"AAPL","o":231,"h":232,"l":231,"c":232,"v":9,"t":"2026-01-05T14:30:00Z"}]',
    '[{"T":"s","S":"AAPL","sc":"H","sm":"Halted","rc":"T1","rm":"","t":"2026-01-05T14:30:00Z"}]',
    '[{"T":"l","S":"AAPL","u":240.1,"d":220.2,"i":"B","t":"2026-01-05T14:30:00Z","z":"C"}]',
    '[{"T":"c","S":"AAPL","x":"V","oi":1,"op":231.5,"ci":2,"cp":231.6,"z":"C"}]',
    f"[{_ALPACA_CORRECTION}]",
    '[{"T":"x","S":"AAPL","i":1,"x":"V","p":231.5,"s":100,"a":"C","z":"C"}]',
    '[{"T":"n","id":1,"headline":"A headline","symbols":["AAPL"],"source":"wire"}]',
    '[{"T":"error","code":405,"msg":"symbol limit exceeded"}]',
    '[{"T":"error","code":406,"msg":"connection limit exceeded"}]',
    '[{"T":"something_new","S":"AAPL"}]',
)

STREAM = StreamSamples("AAPL", ALPACA)
