"""The manifests of examples/kubernetes by KubeRay's published schemas: no cluster runs here."""

import copy
import gzip
import json
import re
from pathlib import Path

import click
import pytest
import typer
import yaml
from jsonschema import Draft7Validator

from labelmend.cli.app import app
from labelmend.configs.load import load_config
from labelmend.version import __version__

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "examples" / "kubernetes"
KUBERAY = Path(__file__).with_name("kuberay")
SCHEMAS = json.loads(gzip.decompress((KUBERAY / "schemas.json.gz").read_bytes()))
DOCUMENTS = [
    (path.name, document)
    for path in sorted(MANIFESTS.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text("utf-8"))
]
RAY = [(name, one) for name, one in DOCUMENTS if one["apiVersion"] == "ray.io/v1"]
PINS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().split() if "==" in line
)


def of_kind(kind):
    return [document for _, document in DOCUMENTS if document["kind"] == kind]


def strict(schema):
    """Refuse fields that the schema does not know, as `kubectl apply` does."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and made.get("type") == "object":
        open_ones = ("additionalProperties", "x-kubernetes-preserve-unknown-fields")
        if not any(key in made for key in open_ones):
            made["additionalProperties"] = False
    return made


def problems(document, schema):
    whole = {**strict(schema), "$defs": strict(SCHEMAS["$defs"])}
    return [error.message for error in Draft7Validator(whole).iter_errors(document)]


def ray_problems(document):
    schema = copy.deepcopy(SCHEMAS[document["kind"]])
    # The schema leaves these to Kubernetes itself.
    names = {"type": "object", "properties": {"name": {}, "namespace": {}, "labels": {}}}
    schema["properties"]["metadata"] = names
    return problems(document, schema)


def cluster_of(document):
    spec = document["spec"]
    return spec["rayClusterSpec"] if document["kind"] == "RayJob" else spec


def groups_of(document):
    cluster = cluster_of(document)
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def pods():
    found = [group["template"]["spec"] for _, one in RAY for group in groups_of(one)]
    return [*found, *(one["spec"]["template"]["spec"] for one in of_kind("Deployment"))]


def test_there_are_a_cluster_and_two_jobs():
    assert [(name, one["kind"]) for name, one in RAY] == [
        ("raycluster.yaml", "RayCluster"),
        ("rayjob-gpu.yaml", "RayJob"),
        ("rayjob.yaml", "RayJob"),
    ]


@pytest.mark.parametrize(("name", "document"), RAY, ids=[name for name, _ in RAY])
def test_kuberay_takes_them(name, document):
    assert ray_problems(document) == []


def test_pods_of_other_kinds_and_policies_are_as_in_kuberays_schema():
    for one in of_kind("Deployment"):
        assert problems(one["spec"]["template"], SCHEMAS["$defs"]["template"]) == []
    (policy,) = of_kind("NetworkPolicy")
    rules = SCHEMAS["$defs"]["cluster"]["properties"]["networkPolicy"]["properties"]["head"]
    for way in ("ingress", "egress"):
        schema = rules["properties"][f"{way}Rules"]
        assert problems(policy["spec"][way], schema) == []


def test_mistakes_are_found():
    job = copy.deepcopy(dict(RAY)["rayjob.yaml"])
    cluster = job["spec"]["rayClusterSpec"]
    cluster["workerGroupSpecs"][0]["replicas"] = "four"
    cluster["authOptions"]["mode"] = "tokens"
    container = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]
    container["volumeMount"] = container.pop("volumeMounts")
    del cluster["headGroupSpec"]["template"]["spec"]["volumes"][0]["name"]
    said = "\n".join(ray_problems(job))
    assert "'four' is not of type 'integer'" in said
    assert "'tokens' is not one of ['disabled', 'token']" in said
    assert "'volumeMount' was unexpected" in said
    assert "'name' is a required property" in said


def test_the_copy_says_where_it_comes_from():
    readme = (KUBERAY / "README.md").read_text("utf-8")
    assert sorted(SCHEMAS["sources"]) == ["ray.io_rayclusters.yaml", "ray.io_rayjobs.yaml"]
    assert all(f"`{name}`, sha256 {sha}" in readme for name, sha in SCHEMAS["sources"].items())
    assert "Apache License" in (KUBERAY / "LICENSE").read_text("utf-8")


def test_nothing_leaves_but_the_names_that_the_dns_is_asked_for():
    (policy,) = of_kind("NetworkPolicy")
    spec = policy["spec"]
    assert spec["podSelector"] == {}
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    inside, names = spec["egress"]
    assert inside == {"to": [{"podSelector": {}}]}
    assert {port["port"] for port in names["ports"]} == {53}
    (to,) = names["to"]
    assert to["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}
    assert all(one["metadata"].get("namespace", "labelmend") == "labelmend" for _, one in DOCUMENTS)
    kinds = {one["kind"] for _, one in DOCUMENTS}
    assert not kinds & {"Ingress", "Secret"}
    assert all(one["spec"].get("type", "ClusterIP") == "ClusterIP" for one in of_kind("Service"))


def test_ray_has_a_token_no_reports_and_a_head_without_work():
    for _, one in RAY:
        cluster = cluster_of(one)
        assert cluster["authOptions"] == {"mode": "token", "secretName": "labelmend-ray"}
        assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
        assert cluster["rayVersion"] == PINS["ray"]
        for group in groups_of(one):
            (container,) = group["template"]["spec"]["containers"]
            env = {each["name"]: each.get("value") for each in container["env"]}
            assert env["RAY_USAGE_STATS_ENABLED"] == "0"
            assert env["LABELMEND_HOME"].startswith("/data/")
            assert container["image"].startswith(f"registry.example/labelmend-ray:{__version__}")
    assert "RAY_USAGE_STATS_ENABLED=0" in (MANIFESTS / "Dockerfile").read_text("utf-8")


def test_pods_have_no_rights_and_say_what_they_need():
    for pod in pods():
        assert pod["automountServiceAccountToken"] is False
        (container,) = pod["containers"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        needs = container["resources"]
        assert needs["requests"] == needs["limits"]
        assert {"cpu", "memory"} <= set(needs["limits"])
        claims = {each["name"]: each for each in pod["volumes"]}
        assert claims["data"]["persistentVolumeClaim"]["claimName"] == "labelmend-data"
        assert all(each["name"] in claims for each in container["volumeMounts"])


def test_gpus_are_for_the_reranker_and_the_voter():
    job = dict(RAY)["rayjob-gpu.yaml"]
    gpus = [
        group["template"]["spec"]["containers"][0]["resources"]["limits"].get("nvidia.com/gpu")
        for group in groups_of(job)
    ]
    assert gpus == [None, None, "1"]
    (vllm,) = of_kind("Deployment")
    (container,) = vllm["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    env = {each["name"]: each.get("value") for each in container["env"]}
    assert (env["HF_HUB_OFFLINE"], env["VLLM_NO_USAGE_STATS"], env["DO_NOT_TRACK"]) == (*"111",)


def test_the_profile_asks_the_model_that_is_served(tmp_path):
    ((_, text),) = of_kind("ConfigMap")[0]["data"].items()
    path = tmp_path / "gpu.yaml"
    path.write_text(text)
    config = load_config(str(path), ["cluster.model_gpus=1", "cluster.model_cores=8"])
    (voter,) = config.voters
    (vllm,) = of_kind("Deployment")
    (container,) = vllm["spec"]["template"]["spec"]["containers"]
    assert f"--served-model-name={voter.model}" in container["args"]
    assert f"--max-logprobs={voter.server.top_logprobs}" in container["args"]
    (service,) = of_kind("Service")
    port = service["spec"]["ports"][0]["port"]
    assert voter.server.url == f"http://{service['metadata']['name']}:{port}/v1"
    keys = [
        each["name"]
        for group in groups_of(dict(RAY)["rayjob-gpu.yaml"])
        for each in group["template"]["spec"]["containers"][0]["env"]
    ]
    assert voter.server.api_key_env in keys


def test_the_command_line_takes_the_entrypoints():
    group = typer.main.get_command(app)
    for one in of_kind("RayJob"):
        program, command, *words = one["spec"]["entrypoint"].split()
        assert program == "labelmend"
        parsed = group.get_command(click.Context(group), command).make_context(command, words)
        assert parsed.params["executor"] == "ray"
        mounts = [
            each["mountPath"]
            for each in groups_of(one)[0]["template"]["spec"]["containers"][0]["volumeMounts"]
        ]
        named = re.findall(r"(/[a-z]+)/", one["spec"]["entrypoint"])
        assert set(named) <= set(mounts)
