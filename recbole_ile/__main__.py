"""``python -m recbole_ile`` is ``recbole-ile``."""

from recbole_ile.cli import main

raise SystemExit(main())
