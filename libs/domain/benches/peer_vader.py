"""Times Python's vaderSentiment on the lines of a file, on one core.

Prints one JSON object: CPU seconds for one pass over the lines (the best of several passes) and the compound of each line.
Usage: peer_vader.py FILE
"""

import json
import pathlib
import sys
import time

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

PASSES = 20


def main() -> None:
    lines = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").split("\n")
    lines = [line for line in lines if line]
    score = SentimentIntensityAnalyzer().polarity_scores
    compounds = [score(line)["compound"] for line in lines]
    best = float("inf")
    for _ in range(PASSES):
        start = time.process_time()
        for line in lines:
            score(line)
        best = min(best, time.process_time() - start)
    json.dump({"seconds": best, "compounds": compounds}, sys.stdout)


if __name__ == "__main__":
    main()
