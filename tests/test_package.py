"""The package as a user installs it: public face, start-up time, wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

import spikesim_py as ss


def test_the_public_face_is_complete_and_every_name_works() -> None:
    expected = {
        "__version__",
        "balance",
        "compare",
        "cost",
        "cost_batch",
        "cost_order",
        "cost_sweep",
        "crossbar",
        "degradation",
        "evaluate",
    }
    expected |= {"full_precision", "load_hardware", "load_network", "load_study", "map_network", "neurobench", "noc"}
    assert set(ss.__all__) == expected | {"diff", "precision_ratio", "quantize", "sweep", "with_precision"}
    assert all(getattr(ss, name) is not None for name in ss.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        ss.nonsense  # noqa: B018


def test_functions_win_over_rooms_of_the_same_name() -> None:

    assert all(callable(getattr(ss, name)) for name in ("compare", "cost", "evaluate", "neurobench", "sweep"))


def run(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return result.stdout


def test_importing_the_package_or_the_command_line_loads_nothing_heavy() -> None:
    code = (
        "import sys, spikesim_py, spikesim_py.cli\n"
        "print([m for m in ('torch', 'numba', 'dash', 'plotly', 'scipy', 'pydantic') if m in sys.modules])"
    )
    assert run(code).strip() == "[]"


def test_help_is_fast() -> None:
    """In seconds of CPU time: other tests may run beside this one."""
    code = (
        "import resource, subprocess, sys\n"
        "def spent():\n"
        "    usage = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "    return usage.ru_utime + usage.ru_stime\n"
        "times = []\n"
        "for _ in range(5):\n"
        "    start = spent()\n"
        "    subprocess.run([sys.executable, '-m', 'spikesim_py.cli', '--help'], check=True, stdout=-3)\n"
        "    times.append(spent() - start)\n"
        "print(min(times))"
    )
    assert float(run(code)) < 0.3


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that the checkout stays clean."""
    source, out = tmp_path_factory.mktemp("source") / "src", tmp_path_factory.mktemp("wheel")
    ignore = shutil.ignore_patterns(".venv", ".git", "runs", "__pycache__", ".*_cache", ".hypothesis")
    shutil.copytree(ROOT, source, ignore=ignore)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(out.glob("*.whl"))


def test_configs_and_trained_networks_travel_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "configs").rglob("*.yaml"):
        assert f"spikesim_py/_configs/{path.relative_to(ROOT / 'configs')}" in names
    for path in (ROOT / "spikesim_py" / "zoo").glob("*.safetensors"):
        assert f"spikesim_py/zoo/{path.name}" in names
    assert any(name.startswith("explorer_app/assets/") for name in names) or not list(
        (ROOT / "explorer_app").glob("assets/*")
    )
    assert wheel.stat().st_size < 25e6


def test_the_installed_wheel_works_from_any_directory(wheel: Path, tmp_path: Path) -> None:
    """A plain install (dependencies come from this environment), used from an empty directory."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, system_site_packages=False)
    site = next((environment / "lib").glob("python*")) / "site-packages"
    zipfile.ZipFile(wheel).extractall(site)
    here = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    (site / "_dependencies.pth").write_text(f"{here}\n")
    work = tmp_path / "elsewhere"
    work.mkdir()
    code = (
        "import spikesim_py as ss, sys\n"
        f"assert ss.__file__.startswith({str(site)!r}), ss.__file__\n"
        "report = ss.evaluate('digits-w4', 'rram_32nm', samples=50)\n"
        "print(report.accuracy, ss.cost('vgg9-cifar10', 'spikesim_released').energy_pj)"
    )
    command = [str(environment / "bin" / "python"), "-I", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, cwd=work)
    assert result.returncode == 0, result.stderr
    accuracy, energy = map(float, result.stdout.split())
    assert accuracy > 0.8
    assert round(energy, 6) == 15_906_934.026240
