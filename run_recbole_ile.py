"""Train and evaluate a RecBole model with or without a mitigation: ``--model=BPR_ILE --dataset=ml-100k``."""

from recbole_ile.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
