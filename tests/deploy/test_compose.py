"""docker-compose.yml and what it mounts: against the schema where a program has it, and against what the product is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from backoffice.embedded import config
from backoffice.embedded.supervisor import WORKER_PATIENCE
from backoffice.server.gunicorn_app import GRACE
from backoffice.settings import Settings, table
from tests.support.servers import ROOT, free_ports, need
from tests.support.web_proxies import NGINX, configuration, two_ports

COMPOSE = ROOT / "docker-compose.yml"
TEXT = COMPOSE.read_text("utf-8")
FILE = yaml.safe_load(TEXT)
SERVICES = FILE["services"]
APP = ("web", "worker")
BESIDES = {
    "PYTHON_IMAGE",
    "NGINX_IMAGE",
    "REDIS_IMAGE",
    "PROMETHEUS_IMAGE",
    "GRAFANA_IMAGE",
    "REDIS_MAX_MEMORY",
    "LISTEN",
}
"""Variables that choose images, memory and the address, which are no settings of the product."""
SETTINGS = {name for name, _, _ in table()}
every_service = pytest.mark.parametrize("name", sorted(SERVICES))


def chosen(text: str) -> str:
    """A value as it is where nobody sets anything."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text[:-1])


def test_variables_are_settings_or_choose_what_is_run() -> None:
    named = set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT))
    assert named <= SETTINGS | BESIDES
    assert named >= BESIDES


@pytest.mark.parametrize("name", APP)
def test_what_the_product_gets_are_settings_that_go_together(name: str, tmp_path: Path) -> None:
    given = {key: chosen(str(value)) for key, value in SERVICES[name]["environment"].items()}
    assert {key.removesuffix("_FILE") for key in given} <= SETTINGS
    for key, value in given.items():
        if key.endswith("_FILE"):
            assert value.removeprefix("/run/secrets/") in SERVICES[name]["secrets"]
            secret = tmp_path / key
            secret.write_text("kT8v-2Qx9Lr4WnB7pZs1HdMf6YcJ0aGe3uRi5oEb")
            given[key] = str(secret)
    found = Settings.from_env(given)
    assert found.trusted_proxies.count == 1
    assert found.public_url.startswith("https://")


def secret_names() -> Iterator[str]:
    for field in Settings.__dataclass_fields__.values():
        if field.metadata.get("secret"):
            yield field.metadata["name"]


def test_no_secret_stands_in_it() -> None:
    given = {key for one in SERVICES.values() for key in one.get("environment", {})}
    assert not given & (set(secret_names()) - {"REDIS_URL"})  # whose password comes by itself
    assert "@" not in SERVICES["web"]["environment"]["REDIS_URL"]
    assert not [key for key in given if "PASSWORD" in key and not key.endswith("_FILE")]
    used = {one for service in SERVICES.values() for one in service.get("secrets", ())}
    assert used == set(FILE["secrets"])
    assert all(one["file"].startswith("./secrets/") for one in FILE["secrets"].values())
    assert "/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


@every_service
def test_what_is_mounted_is_there(name: str) -> None:
    for mount in SERVICES[name].get("volumes", ()):
        source, target, *mode = mount.split(":")
        assert target.startswith("/")
        if source.startswith("./secrets/"):
            assert f"mkdir {source.removeprefix('./')}" in TEXT  # made before the first start
        elif source.startswith("."):
            assert (ROOT / source).exists(), source
            assert mode == ["ro"]
        else:
            assert source in FILE["volumes"]


@every_service
def test_every_container_is_closed_and_says_how_it_is(name: str) -> None:
    one = SERVICES[name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["restart"] == "unless-stopped"
    assert set(one["logging"]["options"]) == {"max-size", "max-file"}
    check = one.get("healthcheck", {})
    if name == "worker":
        assert check == {"disable": True}
    elif name == "web":  # the image has its own
        assert check == {}
        assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text("utf-8")
    else:
        assert check["test"]
    assert all(network in FILE["networks"] for network in one["networks"])


def test_only_nginx_and_grafana_are_reached_from_this_machine_and_nobody_from_outside() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert set(published) == {"nginx", "grafana"}
    assert all(chosen(port).startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_nobody_reaches_the_store_but_the_product() -> None:
    assert {name for name, one in SERVICES.items() if "store" in one["networks"]} == {"web", "worker", "redis"}
    assert FILE["networks"]["store"] == {"internal": True}
    assert {name for name, one in SERVICES.items() if one.get("profiles")} == {"prometheus", "grafana"}


def test_there_are_two_web_processes_and_they_have_their_time_to_end() -> None:
    assert SERVICES["web"]["deploy"] == {"replicas": 2}
    assert seconds(SERVICES["web"]["stop_grace_period"]) > GRACE
    assert seconds(SERVICES["worker"]["stop_grace_period"]) > WORKER_PATIENCE
    assert seconds(SERVICES["nginx"]["stop_grace_period"]) > seconds(SERVICES["web"]["stop_grace_period"])


def test_redis_keeps_everything_and_has_the_settings_of_the_bundled_one() -> None:
    script = SERVICES["redis"]["command"][2]
    for option in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction", "requirepass"):
        assert option in script
    own = Path(config.__file__).read_text("utf-8")
    for name, value in re.findall(r"--((?:hash|zset|stream)-[a-z-]+) (\d+)", script):
        assert re.search(rf"{name}\W+{value}\b", own), name


def test_the_lines_at_its_head_make_all_that_the_first_start_needs(tmp_path: Path) -> None:
    need(shutil.which("openssl"), "openssl")
    lines = re.findall(r"^#   (.*)$", TEXT, re.MULTILINE)
    script = "\n".join(lines[: lines.index("docker compose up --build")])
    subprocess.run(["sh", "-ec", script], cwd=tmp_path, check=True, capture_output=True)
    secrets = tmp_path / "secrets"
    assert secrets.stat().st_mode & 0o777 == 0o700
    made = {one.name for one in secrets.iterdir()}
    assert made == set(FILE["secrets"]) - {"metrics_token"} | {"tls"}  # that one takes a site that runs
    for name in made - {"tls"}:
        assert len((secrets / name).read_text().strip()) >= 48
        assert (secrets / name).stat().st_mode & 0o004  # the container's user reads it
    assert {one.name for one in (secrets / "tls").iterdir()} == {"cert.pem", "key.pem"}
    assert all(one.stat().st_mode & 0o004 for one in (secrets / "tls").iterdir())


# --- what is mounted


def test_prometheus_asks_every_web_process_with_a_token() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text("utf-8"))
    [job] = [one for one in config["scrape_configs"] if one["job_name"] == "backoffice"]
    [found] = job["dns_sd_configs"]
    assert (found["names"], found["port"]) == (["web"], Settings().port)
    secret = job["authorization"]["credentials_file"].removeprefix("/run/secrets/")
    assert secret in SERVICES["prometheus"]["secrets"]
    assert set(SERVICES["prometheus"]["networks"]) & set(SERVICES["web"]["networks"])
    assert all((ROOT / "deploy" / "prometheus" / name).exists() for name in config["rule_files"])


def test_grafana_has_its_source_and_our_dashboard() -> None:
    folder = ROOT / "deploy" / "grafana"
    [source] = yaml.safe_load((folder / "provisioning" / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    [provider] = yaml.safe_load((folder / "provisioning" / "dashboards" / "backoffice.yml").read_text())["providers"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]
    dashboard = json.loads((folder / "dashboards" / "backoffice.json").read_text("utf-8"))
    drawn = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in drawn} == {source["uid"]}


# --- with the programs


@pytest.mark.deploy
def test_compose_itself_takes_it(tmp_path: Path) -> None:
    """In its present version where that is here, else in the one that Debian has, which wants the name elsewhere."""
    program = composing()
    text = TEXT if program == ["docker", "compose"] else TEXT.replace("name: backoffice\n", "", 1)
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    (folder / "docker-compose.yml").write_text(text)
    (folder / "secrets" / "tls").mkdir(parents=True)
    for name in FILE["secrets"]:
        (folder / "secrets" / name).write_text("x")
    done = subprocess.run([*program, "config"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    read = yaml.safe_load(done.stdout)
    assert set(read["services"]) >= {"nginx", "web", "worker", "redis"}
    # `$$` reaches the shell in the container as `$`, written back as it was.
    assert 'printf \'requirepass "%s"' in read["services"]["redis"]["command"][2]


def composing() -> list[str]:
    if shutil.which("docker"):
        done = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if done.returncode == 0:
            return ["docker", "compose"]
    need(shutil.which("docker-compose"), "docker compose (apt-get install docker-compose)")
    return ["docker-compose"]


@pytest.mark.deploy
def test_nginx_takes_the_configuration_of_the_containers(tmp_path: Path) -> None:
    """But for `resolve`, which came with nginx 1.27.3: by address in its place."""
    command = configuration("nginx", tmp_path / "nginx", free_ports(1)[0], two_ports())
    text = (NGINX / "compose.conf").read_text("utf-8").replace("web:5000 resolve", "127.0.0.1:5000")
    text = text.replace("/etc/nginx/", f"{tmp_path}/nginx/").replace("/var/log/nginx", f"{tmp_path}/nginx/log")
    text = re.sub(r"listen (80|443)", r"listen 127.0.0.1:2\1", text)
    for name in ("backoffice.conf", "backoffice-upstream.conf"):
        (tmp_path / "nginx" / "conf.d" / name).unlink()
    (tmp_path / "nginx" / "conf.d" / "default.conf").write_text(text)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
