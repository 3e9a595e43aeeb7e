import subprocess
import sys

HEAVY = ("sqlalchemy.orm", "fastapi", "numpy", "highspy", "sklearn", "typst", "alembic", "procrastinate")


def test_a_gateway_imports_nothing_it_does_not_need_to_be_back_soon():
    program = f"import gridlane.app.gateway, sys; print(*[one for one in {HEAVY} if one in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []
