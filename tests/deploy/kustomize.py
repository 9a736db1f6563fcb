"""What of kustomize deploy/kubernetes uses: resources, and labels that reach selectors.

So that the manifests can be checked as they are applied also where there is no kubectl; where there
is one, manifests_test.py holds the two against each other.
"""
import pathlib

import yaml

# Where `includeSelectors` puts the labels, by kind, beside metadata/labels. The second list: only
# where there is a selector already.
ALWAYS = {
    "Service": ["spec/selector"],
    "StatefulSet": ["spec/selector/matchLabels", "spec/template/metadata/labels"],
}
IF_THERE = {
    "PodDisruptionBudget": ["spec/selector/matchLabels"],
    "NetworkPolicy": ["spec/podSelector/matchLabels"],
}


def load(path):
    """The documents of a YAML file that are not empty."""
    return [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d]


def _put(thing, path, labels, create):
    for key in path.split("/"):
        if key not in thing and not create:
            return
        thing = thing.setdefault(key, {})
    thing.update(labels)


def render(folder):
    """The objects that `kubectl apply -k folder` would apply."""
    kustomization = load(pathlib.Path(folder) / "kustomization.yaml")[0]
    objects = []
    for name in kustomization["resources"]:
        path = pathlib.Path(folder) / name
        objects += render(path) if path.is_dir() else load(path)
    for rule in kustomization.get("labels", []):
        for thing in objects:
            _put(thing, "metadata/labels", rule["pairs"], True)
            if not rule.get("includeSelectors"):
                continue
            for path in ALWAYS.get(thing["kind"], []):
                _put(thing, path, rule["pairs"], True)
            for path in IF_THERE.get(thing["kind"], []):
                _put(thing, path, rule["pairs"], False)
    return objects


def _matches(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


def problems_of(objects):
    """What selects nothing, everything, or something else than it is there for."""
    def of_kind(kind):
        return [o for o in objects if o["kind"] == kind]

    problems = []
    pods = [o["spec"]["template"]["metadata"].get("labels", {}) for o in of_kind("StatefulSet")]
    for kind, path in (("Service", ["selector"]), ("StatefulSet", ["selector", "matchLabels"]),
                       ("PodDisruptionBudget", ["selector", "matchLabels"]),
                       ("NetworkPolicy", ["podSelector", "matchLabels"])):
        for thing in of_kind(kind):
            selector = thing["spec"]
            for key in path:
                selector = selector.get(key, {})
            if not any(_matches(selector, labels) for labels in pods):
                problems.append(f"{kind} {thing['metadata']['name']} selects no pod: {selector}")
    for monitor in of_kind("ServiceMonitor"):
        selector = monitor["spec"].get("selector", {}).get("matchLabels", {})
        services = [s for s in of_kind("Service") if _matches(selector, s["metadata"].get("labels", {}))]
        for endpoint in monitor["spec"]["endpoints"]:
            ports = [p["name"] for s in services for p in s["spec"]["ports"]]
            # Twice would be scraped twice.
            if ports.count(endpoint["port"]) != 1:
                problems.append(f"ServiceMonitor {monitor['metadata']['name']} finds port "
                                f"{endpoint['port']} {ports.count(endpoint['port'])} times")
    return problems
