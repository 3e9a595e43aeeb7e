"""The data sets that come with Gridlane: beside the sources in a checkout, inside the package once installed."""

from pathlib import Path

from gridlane.kernel.errors import Kind, Refusal


class DataSetUnknown(Refusal):
    code = "planning_data_set_unknown"
    kind = Kind.NOT_FOUND
    sentence = "There is no scenario {name!r}: give the path of a plan.toml, or one of {known}."


def data_folder() -> Path:
    package = Path(__file__).parents[1]
    installed = package / "data"
    return installed if installed.is_dir() else package.parents[1] / "data"


def shipped(name: str) -> Path:
    """The folder of a data set. Raises DataSetUnknown."""
    folder = data_folder() / name
    if not folder.is_dir() or "/" in name:
        raise DataSetUnknown(name=name, known=", ".join(scenarios()) or "none")
    return folder


def scenarios() -> list[str]:
    """Names of the shipped data sets that are scenarios."""
    return sorted(page.parent.name for page in data_folder().glob("*/plan.toml"))


def scenario_page(name: str) -> Path:
    """The TOML page a person means: a path, a folder that holds one, or a shipped name."""
    path = Path(name)
    if path.is_dir() and (path / "plan.toml").is_file():
        return path / "plan.toml"
    return path if path.is_file() else shipped(name) / "plan.toml"
