"""The manifests for Kubernetes and Cloud Run: against the schemas of Kubernetes, and against what the product is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from backoffice.embedded.supervisor import WORKER_PATIENCE
from backoffice.server.gunicorn_app import GRACE
from backoffice.settings import Settings, table
from tests.support.servers import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
CLOUD_RUN = ROOT / "deploy" / "cloud-run" / "service.yaml"
FILES = sorted(FOLDER.glob("*.yaml"))
VERSIONS = ("1.37.0", "1.30.0")
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def documents(*paths: Path) -> Iterator[Any]:
    for path in paths:
        yield from yaml.safe_load_all(path.read_text("utf-8"))


APPLIED = {
    (one["kind"], one["metadata"]["name"]): one
    for one in documents(
        *(FOLDER / name for name in yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"])
    )
}
WORKLOADS = {name: one for (kind, name), one in APPLIED.items() if kind in {"Deployment", "StatefulSet"}}


def pod(name: str) -> Any:
    return WORKLOADS[name]["spec"]["template"]


def container(name: str) -> Any:
    [one] = pod(name)["spec"]["containers"]
    return one


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", [one for one in FILES if one.name != "kustomization.yaml"], ids=lambda path: path.name)
def test_every_manifest_is_what_kubernetes_knows(path: Path, version: str) -> None:
    for one in documents(path):
        kubernetes_validate.validate(one, version, strict=True)


def test_the_validator_finds_what_is_wrong() -> None:
    wrong = next(documents(FOLDER / "web.yaml"))
    wrong["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_every_file_is_applied_but_the_example_of_the_secret_and_what_is_asked_for() -> None:
    listed = set(yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))["resources"])
    assert {one.name for one in FILES} == listed | {
        "kustomization.yaml",
        "network-policy-further.yaml",
        "secret.example.yaml",
    }
    assert set(WORKLOADS) == {"web", "worker", "valkey"}


# --- settings


def given(environ: Mapping[str, str], tmp_path: Path) -> Settings:
    """The settings as the product reads them, with secrets in files."""
    secret = tmp_path / "secret"
    secret.write_text("kT8v-2Qx9Lr4WnB7pZs1HdMf6YcJ0aGe3uRi5oEb")
    files = {name: str(secret) if name.endswith("_FILE") else value for name, value in environ.items()}
    return Settings.from_env(files)


def test_the_settings_are_settings_and_go_together(tmp_path: Path) -> None:
    data = APPLIED["ConfigMap", "settings"]["data"]
    names = {name for name, _, _ in table()}
    assert {name.removesuffix("_FILE") for name in data} <= names
    found = given(data, tmp_path)
    assert found.trusted_proxies.count == 1
    assert urlsplit(found.public_url).hostname == APPLIED["Ingress", "web"]["spec"]["rules"][0]["host"]
    store = APPLIED["Service", "valkey"]
    assert found.redis_url == f"redis://valkey:{store['spec']['ports'][0]['port']}/0"


def test_those_of_cloud_run_too(tmp_path: Path) -> None:
    [service] = documents(CLOUD_RUN)
    [one] = service["spec"]["template"]["spec"]["containers"]
    found = given({entry["name"]: entry["value"] for entry in one["env"]}, tmp_path)
    assert found.redis_url.startswith("rediss://")
    assert found.max_chunk_size + 1024**2 < 32 * 1024**2
    mounted = {mount["mountPath"] for mount in one["volumeMounts"]}
    named = re.findall(r"(/secrets/\w+)/", CLOUD_RUN.read_text("utf-8"))
    assert mounted == set(named)
    assert one["ports"][0]["containerPort"] == found.port
    assert {mount["name"] for mount in one["volumeMounts"]} == {
        volume["name"] for volume in service["spec"]["template"]["spec"]["volumes"]
    }


@pytest.mark.parametrize("name", ["web", "worker"])
def test_secrets_come_as_files_and_are_where_the_settings_look(name: str) -> None:
    files = {value for key, value in APPLIED["ConfigMap", "settings"]["data"].items() if key.endswith("_FILE")}
    mounts = {one["name"]: one["mountPath"] for one in container(name)["volumeMounts"]}
    volumes = {one["name"]: one for one in pod(name)["spec"]["volumes"]}
    assert volumes["secrets"]["secret"]["secretName"] == "backoffice"
    [example] = documents(FOLDER / "secret.example.yaml")
    assert files == {f"{mounts['secrets']}/{key}" for key in example["stringData"]}
    assert set(example["stringData"].values()) == {""}
    assert "env" not in container(name)


# --- what belongs together


def test_selectors_choose_the_pods_that_they_mean() -> None:
    for name, one in WORKLOADS.items():
        labels = pod(name)["metadata"]["labels"]
        assert one["spec"]["selector"]["matchLabels"] == labels
        for spread in pod(name)["spec"].get("topologySpreadConstraints", ()):
            assert spread["labelSelector"]["matchLabels"] == labels
    for name in ("web", "valkey"):
        assert APPLIED["Service", name]["spec"]["selector"] == pod(name)["metadata"]["labels"]
    assert APPLIED["PodDisruptionBudget", "web"]["spec"]["selector"]["matchLabels"] == pod("web")["metadata"]["labels"]
    assert len({tuple(pod(name)["metadata"]["labels"].items()) for name in WORKLOADS}) == 3


def test_ports_lead_to_what_listens() -> None:
    for name in ("web", "valkey"):
        [port] = container(name)["ports"]
        assert [one["targetPort"] for one in APPLIED["Service", name]["spec"]["ports"]] == [port["name"]]
    assert container("web")["ports"][0]["containerPort"] == Settings().port
    path = APPLIED["Ingress", "web"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert path == {"name": "web", "port": {"name": APPLIED["Service", "web"]["spec"]["ports"][0]["name"]}}
    scaled = APPLIED["HorizontalPodAutoscaler", "web"]["spec"]
    assert scaled["scaleTargetRef"]["name"] == "web"
    assert scaled["minReplicas"] >= 2
    assert "replicas" not in WORKLOADS["web"]["spec"]  # else each `apply` would undo what the autoscaler decided


def test_what_has_a_port_has_probes() -> None:
    for name in ("web", "valkey"):
        assert all(probe in container(name) for probe in PROBES)
    paths = {probe: container("web")[probe]["httpGet"]["path"] for probe in PROBES}
    assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    assert not [probe for probe in PROBES if probe in container("worker")]


def test_requests_have_their_time_when_a_pod_ends() -> None:
    before = float(container("web")["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod("web")["spec"]["terminationGracePeriodSeconds"] > before + GRACE
    assert pod("worker")["spec"]["terminationGracePeriodSeconds"] > WORKER_PATIENCE


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_nobody_is_root_or_may_more_than_needed(name: str) -> None:
    spec, one = pod(name)["spec"], container(name)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False  # BACKOFFICE_… of a service would stop the start
    closed = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert one["securityContext"] == closed
    assert "memory" in one["resources"]["limits"]
    assert {"cpu", "memory"} <= one["resources"]["requests"].keys()
    if name != "valkey":
        assert spec["securityContext"]["runAsUser"] == 10001
        assert "USER 10001:10001" in (ROOT / "Dockerfile").read_text("utf-8")


def test_the_store_writes_to_a_disk_and_evicts_nothing() -> None:
    script = container("valkey")["command"][2]
    for option in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"):
        assert option in script
    assert "requirepass" in script
    claims = [one["metadata"]["name"] for one in WORKLOADS["valkey"]["spec"]["volumeClaimTemplates"]]
    assert "data" in claims
    assert {"name": "data", "mountPath": "/data"} in container("valkey")["volumeMounts"]


def test_networks_are_closed_but_for_what_is_needed() -> None:
    policies = {name: one["spec"] for (kind, name), one in APPLIED.items() if kind == "NetworkPolicy"}
    assert policies.pop("nothing-by-default") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, chosen in {"web": "web", "worker": "worker", "store": "valkey"}.items():
        assert policies[name]["podSelector"]["matchLabels"] == pod(chosen)["metadata"]["labels"]
    assert "egress" not in policies["store"]
    assert "ingress" not in policies["worker"]
    allowed = policies["store"]["ingress"][0]["from"][0]["podSelector"]["matchExpressions"][0]
    assert allowed["values"] == [pod(name)["metadata"]["labels"][allowed["key"]] for name in ("web", "worker")]


def test_what_leaves_the_site_besides_is_asked_for_one_by_one() -> None:
    """Policies of their own, which open nothing but the way out of web and worker to these ports."""
    further = "network-policy-further.yaml"
    assert f"# - {further}" in (FOLDER / "kustomization.yaml").read_text("utf-8")
    endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT: http://collector.monitoring.svc:4318"
    assert endpoint in (FOLDER / further).read_text("utf-8")
    found = {one["metadata"]["name"]: one["spec"] for one in documents(FOLDER / further)}
    ports = {name: spec["egress"][0]["ports"][0]["port"] for name, spec in found.items()}
    assert ports == {"traces": 4318, "keys": 8200, "store-elsewhere": 6379}
    assert not {("NetworkPolicy", name) for name in found} & APPLIED.keys()
    for spec in found.values():
        [chosen] = spec["podSelector"]["matchExpressions"]
        assert chosen["values"] == [pod(name)["metadata"]["labels"][chosen["key"]] for name in ("web", "worker")]
        assert (spec["policyTypes"], "ingress" in spec) == (["Egress"], False)
        assert all(rule["to"] for rule in spec["egress"])  # an empty one is everything
