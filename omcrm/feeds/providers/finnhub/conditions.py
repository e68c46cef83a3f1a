"""Finnhub's numbers of trade conditions, each as what it is on the tapes.

Finnhub's list of trade conditions, which https://finnhub.io/docs/api/websocket-trades refers to.
Its numbers 11 (CAP election), 38 (placeholder) and 40 (opened) are no longer on any tape.
"""

from omcrm.market.trade_condition import CTA, EVERYTHING, UTP, ConditionTable

CONDITIONS: ConditionTable = {
    "1": UTP["@"],
    "2": UTP["A"],
    "3": UTP["W"],
    "4": UTP["B"],
    "5": UTP["C"],
    "6": UTP["D"],
    "7": CTA["E"],
    "8": UTP["F"],
    "9": UTP["G"],
    "10": UTP["H"],
    "12": UTP["I"],
    "13": CTA["K"],
    "14": UTP["K"],
    "15": UTP["L"],
    "16": UTP["M"],
    "17": UTP["N"],
    "18": CTA["O"],
    "19": UTP["O"],
    "20": UTP["Q"],
    "21": UTP["P"],
    "22": UTP["R"],
    "23": UTP["S"],
    "24": UTP["T"],
    "25": UTP["U"],
    "26": UTP["V"],
    # A trade of stock and option is contingent.
    "27": UTP["V"],
    "28": UTP["X"],
    "29": UTP["Y"],
    "30": UTP["Z"],
    "31": UTP["1"],
    "32": UTP["4"],
    "33": CTA["5"],
    "34": UTP["5"],
    "35": CTA["6"],
    "36": UTP["6"],
    "37": UTP["7"],
    "39": UTP["9"],
    # An exemption from the trade-through rule; it stands beside the sale condition.
    "41": EVERYTHING,
}
"""By the number, which is sent as a text."""
