#!/usr/bin/env python3
"""Reads what deploy/ ships: Kubernetes, compose, Dockerfile, dashboard, rules and runbook.

Usage: manifests_test.py ROOT [unittest arguments]. Needs no cluster and no container daemon.
"""
import copy
import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import yaml
from kustomize import load, problems_of, render

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
DEPLOY = ROOT / "deploy"
GRPC_PORT, ADMIN_PORT, USER = 7480, 7481, 65532


def selection_of(thing):
    """Who it is and what it selects, as text that can be compared."""
    spec = thing.get("spec", {})
    return json.dumps([thing["kind"], thing["metadata"]["name"], thing["metadata"].get("labels"),
                       spec.get("selector"), spec.get("podSelector"),
                       spec.get("template", {}).get("metadata")], sort_keys=True)


class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.objects = render(DEPLOY / "kubernetes/overlays/monitoring")

    def one(self, kind, name="taskforge"):
        found = [o for o in self.objects if o["kind"] == kind and o["metadata"]["name"] == name]
        self.assertEqual(len(found), 1, kind)
        return found[0]

    def test_every_file_is_part_of_a_kustomization(self):
        for path in (DEPLOY / "kubernetes").rglob("*.yaml"):
            if path.name != "kustomization.yaml":
                listed = load(path.parent / "kustomization.yaml")[0]["resources"]
                self.assertIn(path.name, listed)

    def test_kustomize_makes_of_it_what_these_tests_read(self):
        if not shutil.which("kubectl"):
            self.skipTest("no kubectl here; the other tests read the files")
        for overlay in ("base", "overlays/monitoring"):
            folder = DEPLOY / "kubernetes" / overlay
            done = subprocess.run(["kubectl", "kustomize", str(folder)],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            rendered = [d for d in yaml.safe_load_all(done.stdout) if d]
            self.assertEqual(problems_of(rendered), [])
            self.assertEqual(sorted(map(selection_of, rendered)), sorted(map(selection_of, render(folder))))

    def test_every_selector_finds_what_it_is_there_for(self):
        self.assertEqual(problems_of(render(DEPLOY / "kubernetes/base")), [])
        self.assertEqual(problems_of(self.objects), [])

    def test_a_selector_that_finds_nothing_is_noticed(self):
        for kind, key in (("Service", "selector"), ("StatefulSet", "selector"),
                          ("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector"),
                          ("ServiceMonitor", "selector")):
            with self.subTest(kind):
                broken = copy.deepcopy(self.objects)
                del next(o for o in broken if o["kind"] == kind)["spec"][key]
                self.assertTrue(problems_of(broken))
                self.assertIn(kind, problems_of(broken)[0])

    def test_one_replica_and_a_disruption_budget_that_lets_nodes_drain(self):
        self.assertEqual(self.one("StatefulSet")["spec"]["replicas"], 1)
        self.assertEqual(self.one("PodDisruptionBudget")["spec"]["maxUnavailable"], 1)
        self.assertFalse([o for o in self.objects if o["kind"] == "HorizontalPodAutoscaler"])

    def test_the_pod_has_no_rights(self):
        pod = self.one("StatefulSet")["spec"]["template"]["spec"]
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertEqual(pod["securityContext"]["runAsUser"], USER)
        self.assertEqual(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
        self.assertFalse(pod["automountServiceAccountToken"])
        container = pod["containers"][0]["securityContext"]
        self.assertEqual(container, {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                     "capabilities": {"drop": ["ALL"]}})

    def test_probes_ask_the_keys_that_tell_a_drain_from_a_death(self):
        container = self.one("StatefulSet")["spec"]["template"]["spec"]["containers"][0]
        for probe, service in (("startupProbe", "liveness"), ("livenessProbe", "liveness"),
                               ("readinessProbe", "readiness")):
            self.assertEqual(container[probe]["grpc"], {"port": GRPC_PORT, "service": service})

    def test_ports_fit_together(self):
        container = self.one("StatefulSet")["spec"]["template"]["spec"]["containers"][0]
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        self.assertEqual(ports, {"grpc": GRPC_PORT, "admin": ADMIN_PORT})
        for service in (o for o in self.objects if o["kind"] == "Service"):
            for port in service["spec"]["ports"]:
                self.assertEqual(ports[port["targetPort"]], port["port"])
        monitor = self.one("ServiceMonitor")["spec"]["endpoints"][0]
        self.assertIn(monitor["port"], [p["name"] for p in self.one("Service")["spec"]["ports"]])
        self.assertIn(self.one("StatefulSet")["spec"]["serviceName"],
                      [o["metadata"]["name"] for o in self.objects if o["kind"] == "Service"])

    def test_the_network_policy_selects_this_pod_only(self):
        policy = self.one("NetworkPolicy")["spec"]
        self.assertEqual(policy["podSelector"],
                         {"matchLabels": {"app.kubernetes.io/name": "taskforge"}})
        self.assertEqual(sorted(policy["policyTypes"]), ["Egress", "Ingress"])

    def test_the_data_lies_on_the_claim(self):
        spec = self.one("StatefulSet")["spec"]
        mount = spec["template"]["spec"]["containers"][0]["volumeMounts"][0]
        self.assertEqual(mount["mountPath"], "/var/lib/taskforge")
        self.assertEqual(mount["name"], spec["volumeClaimTemplates"][0]["metadata"]["name"])


class Compose(unittest.TestCase):
    def setUp(self):
        self.services = load(DEPLOY / "compose/compose.yaml")[0]["services"]

    def test_every_port_is_published_on_loopback(self):
        for name, service in self.services.items():
            for port in service["ports"]:
                self.assertTrue(port.startswith("127.0.0.1:"), f"{name}: {port}")

    def test_every_file_that_is_mounted_is_there(self):
        for service in self.services.values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((DEPLOY / "compose" / source).exists(), source)

    def test_images_are_pinned(self):
        for name, service in self.services.items():
            self.assertRegex(service["image"], r":v?\d+\.\d+\.\d+$", name)

    def test_the_server_is_read_only_and_has_no_capabilities(self):
        server = self.services["taskforge"]
        self.assertTrue(server["read_only"])
        self.assertEqual(server["cap_drop"], ["ALL"])

    def test_prometheus_scrapes_the_server_and_reads_the_rules(self):
        config = load(DEPLOY / "prometheus/prometheus.yaml")[0]
        target = config["scrape_configs"][0]["static_configs"][0]["targets"][0]
        self.assertEqual(target, f"taskforge:{ADMIN_PORT}")
        for rules in config["rule_files"]:
            self.assertTrue((DEPLOY / "prometheus" / rules).exists())


class Dockerfile(unittest.TestCase):
    def setUp(self):
        self.text = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    def test_it_is_what_the_manifests_expect(self):
        for line in (f"USER {USER}:{USER}", "STOPSIGNAL SIGTERM", 'ENTRYPOINT ["taskforged"]',
                     "VOLUME /var/lib/taskforge", f"EXPOSE {GRPC_PORT} {ADMIN_PORT}"):
            self.assertIn(line, self.text)
        self.assertRegex(self.text, r"HEALTHCHECK .*CMD \[\"taskforged\", \"health\"\]")

    def test_what_it_copies_is_in_the_build_context(self):
        ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        context = {line[1:] for line in ignored if line.startswith("!")}
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", self.text, re.M):
            for source in sources.split():
                self.assertTrue((ROOT / source).exists(), source)
                self.assertIn(source, context)


class Version(unittest.TestCase):
    """CMakeLists.txt says which version this is; what deploys it names the same."""

    def setUp(self):
        text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
        self.version = re.search(r"^project\(taskforge VERSION (\S+)", text, re.M).group(1)

    def test_the_image_is_labelled_with_it(self):
        text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
        self.assertEqual(re.findall(r"^ARG VERSION=(\S+)$", text, re.M), [self.version])

    def test_compose_and_kubernetes_run_it(self):
        compose = load(DEPLOY / "compose/compose.yaml")[0]["services"]["taskforge"]
        self.assertEqual(compose["image"], f"taskforge:{self.version}")
        for path in (DEPLOY / "kubernetes").rglob("kustomization.yaml"):
            for image in load(path)[0].get("images", []):
                self.assertEqual(image["newTag"], self.version, path)


def panels_of(dashboard):
    return [p for p in dashboard["panels"] if p["type"] != "row"]


class Dashboard(unittest.TestCase):
    def setUp(self):
        path = DEPLOY / "grafana/dashboards/taskforge.json"
        self.dashboard = json.loads(path.read_text(encoding="utf-8"))

    def test_every_panel_says_what_it_shows(self):
        for panel in panels_of(self.dashboard):
            with self.subTest(panel.get("title")):
                self.assertTrue(panel["title"])
                self.assertTrue(panel["description"].endswith("."))
                self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                self.assertEqual(panel["datasource"]["uid"], "${datasource}")

    def test_rates_follow_the_interval_of_the_panel(self):
        for panel in panels_of(self.dashboard):
            for target in panel["targets"]:
                with self.subTest(panel["title"]):
                    self.assertNotRegex(target["expr"], r"\[\d")
                    self.assertIn('instance=~"$instance"', target["expr"])

    def test_panels_do_not_overlap_and_have_ids_of_their_own(self):
        cells = set()
        for panel in self.dashboard["panels"]:
            at = panel["gridPos"]
            mine = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                    for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & mine, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            cells |= mine
        ids = [p["id"] for p in self.dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))


class Rules(unittest.TestCase):
    def setUp(self):
        groups = load(DEPLOY / "prometheus/taskforge.rules.yaml")[0]["groups"]
        self.alerts = [r for g in groups for r in g["rules"] if "alert" in r]
        self.records = [r for g in groups for r in g["rules"] if "record" in r]

    def promtool(self, *arguments):
        done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_promtool_accepts_them_and_their_tests_pass(self):
        self.promtool("check", "rules", str(DEPLOY / "prometheus/taskforge.rules.yaml"))
        self.promtool("test", "rules", str(DEPLOY / "prometheus/taskforge.rules_test.yaml"))

    def test_the_operator_gets_the_same_rules(self):
        command = [str(DEPLOY / "kubernetes/prometheus-rule"), "release=main"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        rule = yaml.safe_load(done.stdout)
        self.assertEqual((rule["apiVersion"], rule["kind"]), ("monitoring.coreos.com/v1", "PrometheusRule"))
        self.assertEqual(rule["spec"], load(DEPLOY / "prometheus/taskforge.rules.yaml")[0])
        self.assertEqual(rule["metadata"]["labels"]["release"], "main")
        overlay = load(DEPLOY / "kubernetes/overlays/monitoring/kustomization.yaml")[0]
        self.assertEqual(rule["metadata"]["namespace"], overlay["namespace"])
        wrong = subprocess.run([command[0], "release"], capture_output=True, text=True, timeout=60)
        self.assertEqual(wrong.returncode, 2)

    def test_every_rule_has_a_test(self):
        cases = load(DEPLOY / "prometheus/taskforge.rules_test.yaml")[0]["tests"]
        fired = {a["alertname"] for c in cases for a in c.get("alert_rule_test", []) if a["exp_alerts"]}
        self.assertEqual(fired, {a["alert"] for a in self.alerts})
        recorded = {e["expr"] for c in cases for e in c.get("promql_expr_test", [])}
        # The window of an hour is the one of five minutes with another number.
        expected = {r["record"] for r in self.records if not r["record"].endswith("1h")}
        self.assertEqual(recorded, expected)

    def test_every_alert_has_its_chapter_and_no_chapter_is_left_over(self):
        runbook = (DEPLOY / "prometheus/RUNBOOK.md").read_text(encoding="utf-8")
        chapters = set(re.findall(r"^## (\S+)$", runbook, re.M))
        self.assertEqual(chapters, {a["alert"] for a in self.alerts})
        for alert in self.alerts:
            with self.subTest(alert["alert"]):
                link = f"deploy/prometheus/RUNBOOK.md#{alert['alert'].lower()}"
                self.assertEqual(alert["annotations"]["runbook"], link)
                self.assertIn(alert["labels"]["severity"], ("warning", "critical"))


if __name__ == "__main__":
    unittest.main()
