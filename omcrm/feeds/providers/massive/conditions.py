"""Massive's numbers of trade conditions, each as what it is on the tapes.

https://massive.com/docs/rest/stocks/market-operations/condition-codes (`sip_mapping`)
Numbers that are no longer on any tape are left out, such as 6 (CAP election).
"""

from omcrm.market.trade_condition import CTA, EVERYTHING, UTP, ConditionTable

CONDITIONS: ConditionTable = {
    "0": UTP["@"],
    "1": UTP["A"],
    "2": UTP["W"],
    "3": CTA["E"],
    "4": UTP["B"],
    "5": UTP["G"],
    "7": UTP["C"],
    "8": UTP["6"],
    "9": UTP["X"],
    "10": UTP["4"],
    "11": UTP["D"],
    "12": UTP["T"],
    "13": UTP["U"],
    "14": UTP["F"],
    "15": UTP["M"],
    "16": UTP["Q"],
    "17": CTA["O"],
    "18": CTA["5"],
    "19": CTA["6"],
    "20": UTP["N"],
    "21": UTP["H"],
    "22": UTP["P"],
    "23": UTP["K"],
    "24": CTA["K"],
    "25": UTP["O"],
    "27": UTP["1"],
    "28": UTP["5"],
    "29": UTP["R"],
    "30": UTP["L"],
    # Sold last, and out of sequence, of a stopped stock.
    "31": UTP["L"],
    "32": UTP["Z"],
    "33": UTP["Z"],
    "34": UTP["S"],
    # A trade of stock and option is contingent.
    "35": UTP["V"],
    "36": UTP["Y"],
    "37": UTP["I"],
    "38": UTP["9"],
    "52": UTP["V"],
    "53": UTP["7"],
    # Marks that stand beside a sale condition: an exemption from the trade-through rule, the
    # restriction of short sales, the financial status of the company.
    **dict.fromkeys(map(str, (41, *range(57, 61), *range(62, 72))), EVERYTHING),
}
"""By the number, as text."""
