import argparse

from wordcount.counting import count_words, most_frequent


def build_parser():
    parser = argparse.ArgumentParser(prog="wordcount")
    parser.add_argument("text", nargs="+")
    parser.add_argument("--limit", type=int, default=10, help="number of words to show")
    parser.add_argument("--shortest", type=int, default=1, help="ignore words with fewer letters")
    parser.add_argument("--total", action="store_true", help="also show the sum")
    return parser


def main(argv=None):
    options = build_parser().parse_args(argv)
    counts = count_words(" ".join(options.text), options.shortest)
    lines = [f"{count:>4} {word}" for word, count in most_frequent(counts, options.limit)]
    if options.total:
        lines.append(f"{sum(counts.values()):>4} words")
    print("\n".join(lines))
    return 0
