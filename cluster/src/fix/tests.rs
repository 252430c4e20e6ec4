//! Plans of small clusters.
#![expect(
    clippy::needless_pass_by_value,
    reason = "objects are written where they are used"
)]

use preflight_rke2::shared::Version;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::plan::PlanError;
use super::{
    ADMISSION_POLICIES, Asked, Ingress, Outcome, Plan, Step, admission_policy, follows, kinds,
    manifests, plan, refusals, render, script,
};
use crate::facts::{Facts, Reading, kind_of};
use crate::kind::Kind;

/// A server with a profile, what it runs and made, and these objects.
fn cluster(more: &[Value]) -> Facts {
    let mut facts = Facts::new(Version::new(37, 1, 1));
    for kind in kinds(&facts.version.clone()) {
        facts.note(kind, Reading::Whole);
    }
    let base = [
        namespace("kube-system", json!({})),
        account("kube-system", json!(false)),
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": "s1", "annotations": { "rke2.io/node-args": r#"["server","--profile","cis"]"# } },
        }),
        pod(
            "kube-system/etcd-s1",
            "Node/s1",
            json!({ "nodeName": "s1" }),
        ),
    ];
    // Unless a test has its own.
    let is_default =
        |one: &Value| one["kind"] == "Namespace" && one["metadata"]["name"] == "default";
    let default = [
        namespace("default", json!({ "np.rke2.io": "resolved" })),
        policy(
            "default",
            "default-network-policy",
            json!({ "podSelector": {} }),
        ),
    ];
    let default = if more.iter().any(is_default) {
        &[]
    } else {
        default.as_slice()
    };
    for object in base.iter().chain(default).chain(more) {
        add(&mut facts, object);
    }
    facts
}

fn add(facts: &mut Facts, object: &Value) {
    let text = object.to_string();
    let object: &RawValue = serde_json::from_str(&text).unwrap();
    facts.add(kind_of(object).unwrap(), object).unwrap();
}

fn namespace(name: &str, annotations: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "annotations": annotations } })
}

fn account(namespace: &str, automount: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": namespace },
        "automountServiceAccountToken": automount,
    })
}

fn pod(name: &str, owner: &str, spec: Value) -> Value {
    let (namespace, name) = name.split_once('/').unwrap();
    let owners = match owner.split_once('/') {
        Some((kind, name)) => json!([{ "kind": kind, "name": name, "controller": true }]),
        None => json!([]),
    };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "ownerReferences": owners },
        "spec": spec,
    })
}

fn policy(namespace: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": name, "namespace": namespace }, "spec": spec,
    })
}

fn planned(more: &[Value], namespaces: &[&str], policies: Option<Ingress>) -> Plan {
    let asked = Asked {
        namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
        policies,
    };
    plan(&cluster(more), &asked).unwrap()
}

/// Steps, a word each.
fn words(plan: &Plan) -> Vec<String> {
    let word = |step: &Step| match step {
        Step::Account { namespace, .. } => format!("account {namespace}"),
        Step::Policy { namespace, ingress } => format!("{ingress:?} {namespace}"),
        Step::Unmark {
            namespace, mark, ..
        } => format!("unmark {namespace} {mark}"),
    };
    plan.steps.iter().map(word).collect()
}

#[test]
fn default_accounts_are_changed_unless_they_say_no() {
    for (automount, changed) in [
        (Value::Null, true),
        (json!(true), true),
        (json!(false), false),
    ] {
        let web = [namespace("web", json!({})), account("web", automount)];
        let expected: &[&str] = if changed { &["account web"] } else { &[] };
        assert_eq!(words(&planned(&web, &[], None)), expected);
    }
    let other = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "api", "namespace": "kube-system" },
    });
    assert_eq!(planned(&[other], &[], None).steps, []);
    // A namespace whose account is not made yet.
    let none = [namespace("web", json!({}))];
    assert_eq!(planned(&none, &[], None).steps, []);
}

#[test]
fn only_named_namespaces_are_changed() {
    let two = [
        namespace("a", json!({})),
        account("a", Value::Null),
        namespace("b", json!({})),
        account("b", Value::Null),
    ];
    assert_eq!(words(&planned(&two, &[], None)), ["account a", "account b"]);
    assert_eq!(
        words(&planned(&two, &["b"], Some(Ingress::Deny))),
        ["account b", "Deny b"]
    );
    let asked = Asked {
        namespaces: vec!["c".to_owned()],
        policies: None,
    };
    let error = plan(&cluster(&two), &asked).unwrap_err();
    assert_eq!(error, PlanError::NoNamespace("c".to_owned()));
    assert_eq!(error.to_string(), "the cluster has no namespace \"c\"");
}

#[test]
fn what_is_being_deleted_is_left_alone() {
    let mut ending = namespace("web", json!({}));
    ending["metadata"]["deletionTimestamp"] = json!("2027-01-01T00:00:00Z");
    let plan = planned(
        &[ending, account("web", Value::Null)],
        &[],
        Some(Ingress::Deny),
    );
    assert_eq!(plan.steps, []);
    assert_eq!(plan.left[0], "web is being deleted");
}

#[test]
fn pods_that_lose_their_token_are_named() {
    let loses = |spec: Value, automount: Value| {
        let plan = planned(
            &[
                namespace("web", json!({})),
                account("web", automount),
                pod("web/a-1", "DaemonSet/a", spec.clone()),
                pod("web/a-2", "DaemonSet/a", spec),
            ],
            &[],
            None,
        );
        plan.lose_token
            .iter()
            .map(|(owner, pods)| format!("{owner} {pods}"))
            .collect::<Vec<_>>()
    };
    let both = ["DaemonSet web/a 2"];
    assert_eq!(loses(json!({}), Value::Null), both);
    assert_eq!(loses(json!({}), json!(true)), both);
    assert_eq!(
        loses(json!({ "serviceAccountName": "default" }), Value::Null),
        both
    );
    // They have none, or keep it.
    let none: [&str; 0] = [];
    assert_eq!(loses(json!({}), json!(false)), none);
    for spec in [
        json!({ "serviceAccountName": "api" }),
        json!({ "automountServiceAccountToken": true }),
        json!({ "automountServiceAccountToken": false }),
    ] {
        assert_eq!(loses(spec, Value::Null), none);
    }
    let ended = {
        let mut pod = pod("web/b", "", json!({}));
        pod["status"] = json!({ "phase": "Succeeded" });
        pod
    };
    let plan = planned(
        &[
            namespace("web", json!({})),
            account("web", Value::Null),
            ended,
            pod("web/etcd-s1", "Node/s1", json!({ "nodeName": "s1" })),
        ],
        &[],
        None,
    );
    assert_eq!(plan.lose_token, []);
}

#[test]
fn namespaces_of_the_operator_get_a_policy_where_they_have_none() {
    let all = json!({ "podSelector": {}, "policyTypes": ["Ingress"] });
    let some =
        json!({ "podSelector": { "matchLabels": { "a": "b" } }, "policyTypes": ["Ingress"] });
    let out = json!({ "podSelector": {}, "policyTypes": ["Egress"] });
    let with = |spec: &Value| {
        let objects = [
            namespace("web", json!({})),
            policy("web", "own", spec.clone()),
        ];
        planned(&objects, &["web"], Some(Ingress::SameNamespace))
    };
    assert_eq!(with(&all).steps, []);
    assert_eq!(with(&all).left, [""; 0]);
    // One for all pods would cut off what nobody thought of.
    assert_eq!(with(&some).steps, []);
    assert_eq!(
        with(&some).left,
        [
            "web has network policies, none of which is for all pods: one more would cut off the others"
        ]
    );
    assert_eq!(words(&with(&out)), ["SameNamespace web"]);
    // Those of RKE2 and Kubernetes have theirs, or none.
    let own = [
        namespace("kube-public", json!({})),
        namespace("kube-node-lease", json!({})),
        namespace("tigera-operator", json!({})),
        namespace("web", json!({})),
    ];
    let plan = planned(&own, &[], Some(Ingress::Deny));
    assert_eq!(words(&plan), ["Deny web"]);
    assert_eq!(
        plan.left,
        ["kube-public", "kube-system"].map(|name| format!(
            "{name} has no network policy: a server makes it at its next start with profile: cis"
        ))
    );
    // Without `--network-policies`.
    assert_eq!(planned(&own, &[], None), with_profile());
}

/// A plan of nothing.
fn with_profile() -> Plan {
    Plan {
        has_profile: true,
        ..Plan::default()
    }
}

#[test]
fn pods_to_which_less_comes_in_are_counted() {
    let web = || {
        let port = json!({ "containers": [{ "name": "a", "ports": [{ "containerPort": 80, "hostPort": 80 }] }] });
        let mut objects = vec![
            namespace("web", json!({})),
            pod("web/x", "", json!({})),
            pod("web/log-1", "DaemonSet/log", port.clone()),
            pod("web/log-2", "DaemonSet/log", port),
            // The plugin leaves it alone.
            pod(
                "web/proxy",
                "DaemonSet/proxy",
                json!({ "hostNetwork": true }),
            ),
            namespace("quiet", json!({})),
        ];
        objects
            .extend((0..3).map(|at| pod(&format!("web/api-{at}"), "StatefulSet/api", json!({}))));
        objects
    };
    let deny = planned(&web(), &[], Some(Ingress::Deny));
    assert_eq!(words(&deny), ["Deny quiet", "Deny web"]);
    let text = render(&deny, false);
    assert!(
        text.contains(
            "so that nothing comes in\n  quiet\n  web\n\
             nothing reaches these running pods any more, not from their own namespace either; what should needs a policy \
             that lets it in\n  \
             web: 6 pods: DaemonSet log (2), Pod x, StatefulSet api (3); 2 with a port of the node\n"
        ),
        "{text}"
    );
    // Once it is carried out, it follows from the steps that were taken.
    assert!(follows(&deny, &deny.steps, false).contains("web: 6 pods: "));
    assert!(!follows(&deny, &deny.steps[..1], false).contains("reaches"));

    let mut many = web();
    many.extend((0..5).map(|at| pod(&format!("web/y{at}"), "", json!({}))));
    let same = planned(&many, &[], Some(Ingress::SameNamespace));
    let text = render(&same, false);
    assert!(
        text.contains(
            "nothing from other namespaces or from outside of the cluster reaches these running pods any more; what should \
             needs a policy that lets it in\n  \
             web: 11 pods: DaemonSet log (2), Pod x, Pod y0, Pod y1, … of 8 owners; 2 with a port of the node\n"
        ),
        "{text}"
    );
    assert!(manifests(&same).contains(
        "# nothing from other namespaces or from outside of the cluster reaches these running pods any more:\n#   web: 11 pods: "
    ));
    // Without `--network-policies`.
    assert_eq!(planned(&web(), &[], None).cut_off, []);
}

#[test]
fn marks_of_policies_that_are_gone_are_removed() {
    let marked = [
        namespace(
            "kube-system",
            json!({ "np.rke2.io": "resolved", "np.rke2.io/dns": "resolved", "np.rke2.io/future": "resolved" }),
        ),
        namespace("web", json!({ "np.rke2.io": "resolved" })),
        policy(
            "web",
            "own",
            json!({ "podSelector": {}, "policyTypes": ["Ingress"] }),
        ),
        policy(
            "kube-system",
            "default-network-policy",
            json!({ "podSelector": {}, "policyTypes": ["Ingress"] }),
        ),
    ];
    let plan = planned(&marked, &[], Some(Ingress::Deny));
    assert_eq!(words(&plan), ["unmark kube-system np.rke2.io/dns"]);
    assert!(
        render(&plan, false).contains(
            "remove 1 mark of RKE2's for network policies that are gone; a server makes the policy at its next start\n  \
             kube-system: np.rke2.io/dns, of default-network-dns-policy\n"
        ),
        "{}",
        render(&plan, false)
    );
    let without = Plan {
        has_profile: false,
        ..plan
    };
    assert!(render(&without, false).contains("set profile: cis, and restart a server"));
}

#[test]
fn half_of_the_lists_make_no_plan() {
    for kind in kinds(&Version::new(37, 1, 1)) {
        let mut facts = cluster(&[]);
        facts.note(kind, Reading::Missing("cut off".to_owned()));
        let error = plan(&facts, &Asked::default()).unwrap_err();
        assert_eq!(
            error,
            PlanError::Unread(vec![format!("{}: cut off", kind.resource())])
        );
    }
    // A list of one namespace is not that of the cluster.
    let mut facts = Facts::new(Version::new(37, 1, 1));
    for kind in kinds(&facts.version.clone()) {
        facts.note(kind, Reading::Whole);
    }
    add(&mut facts, &namespace("web", json!({})));
    assert!(plan(&facts, &Asked::default()).is_err());
    assert!(!kinds(&facts.version).contains(&Kind::Role));
}

#[test]
fn requests_are_applied_and_never_forced() {
    let steps = [
        Step::Account {
            namespace: "web".to_owned(),
            says_true: false,
        },
        Step::Policy {
            namespace: "web".to_owned(),
            ingress: Ingress::Deny,
        },
        Step::Unmark {
            namespace: "default".to_owned(),
            mark: "np.rke2.io",
            policy: "default-network-policy",
        },
    ];
    let paths = [
        "/api/v1/namespaces/web/serviceaccounts/default",
        "/apis/networking.k8s.io/v1/namespaces/web/networkpolicies/default-network-policy",
        "/api/v1/namespaces/default",
    ];
    for (step, path) in steps.iter().zip(paths) {
        assert_eq!(
            step.path(false),
            format!("{path}?fieldManager=preflight-rke2-cluster")
        );
        assert_eq!(
            step.path(true),
            format!("{path}?fieldManager=preflight-rke2-cluster&dryRun=All")
        );
    }
    assert_eq!(
        steps[2].patch().1.to_string(),
        r#"{"metadata":{"annotations":{"np.rke2.io":null}}}"#
    );
}

#[test]
fn refusals_are_told_by_their_reason() {
    let step = |at: usize| Step::Account {
        namespace: format!("n{at:02}"),
        says_true: false,
    };
    let steps: Vec<Step> = (0..12).map(step).collect();
    let mut outcomes = vec![Outcome::Refused("no right".to_owned()); 10];
    outcomes.push(Outcome::Taken);
    outcomes.push(Outcome::Refused("conflict".to_owned()));
    assert_eq!(
        refusals(&steps, &outcomes),
        [
            "account default of n11: conflict",
            "account default of n00, n01, n02, n03, n04, n05, n06, n07, … 10 in all: no right",
        ]
    );
}

/// What the forms have of a plan with every kind of step.
fn full() -> Plan {
    planned(
        &[
            namespace("kube-system", json!({ "np.rke2.io": "resolved" })),
            namespace("1e3", json!({})),
            account("1e3", Value::Null),
            pod("1e3/a-1", "DaemonSet/a", json!({})),
        ],
        &[],
        Some(Ingress::SameNamespace),
    )
}

#[test]
fn the_plan_is_text() {
    assert_eq!(
        render(&full(), false),
        "set automountServiceAccountToken: false on 1 service account called default, of the namespaces\n  1e3\n\
         these pods lose their token when they are made anew; what needs the API needs an account of its own\n  \
         DaemonSet 1e3/a (1 pod)\n\
         add a network policy to 1 namespace, so that only pods of the same namespace come in\n  1e3\n\
         nothing from other namespaces or from outside of the cluster reaches these running pods any more; what should \
         needs a policy that lets it in\n  1e3: 1 pod: DaemonSet a (1)\n\
         remove 1 mark of RKE2's for network policies that are gone; a server makes the policy at its next start\n  \
         kube-system: np.rke2.io, of default-network-policy\n"
    );
    assert_eq!(
        follows(&full(), &full().steps, false),
        "these pods lose their token when they are made anew; what needs the API needs an account of its own\n  \
         DaemonSet 1e3/a (1 pod)\n\
         nothing from other namespaces or from outside of the cluster reaches these running pods any more; what should \
         needs a policy that lets it in\n  1e3: 1 pod: DaemonSet a (1)\n\
         1 mark removed; a server makes the policy at its next start\n  kube-system: np.rke2.io, of default-network-policy\n"
    );
    // Where the account was refused, its pods keep their token.
    assert_eq!(follows(&full(), &[], false), "");
    let many = Plan {
        left: (0..20).map(|at| format!("n{at}")).collect(),
        ..Plan::default()
    };
    assert!(render(&many, false).ends_with("  n7\n  … 20 in all\n"));
    assert!(render(&many, true).ends_with("  n19\n"));
}

#[test]
fn manifests_and_scripts_have_the_same_objects() {
    let yaml = manifests(&full());
    assert_eq!(
        yaml,
        "# DaemonSet 1e3/a (1 pod) loses its token when it is made anew\n\
         # nothing from other namespaces or from outside of the cluster reaches these running pods any more:\n\
         #   1e3: 1 pod: DaemonSet a (1)\n\
         # not in this file: kubectl annotate namespace kube-system np.rke2.io-\n\
         ---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: default\n  namespace: \"1e3\"\n\
         automountServiceAccountToken: false\n\
         ---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: default-network-policy\n  \
         namespace: \"1e3\"\nspec:\n  podSelector: {}\n  policyTypes: [Ingress]\n  ingress:\n    - from:\n        \
         - podSelector: {}\n"
    );
    let script = script(&full());
    let (_, objects) = yaml.split_once("---\n").unwrap();
    assert!(script.contains(objects), "{script}");
    assert!(!script.contains("--force"), "{script}");
    let trial = script.find("--dry-run=server").unwrap();
    let real = script.find("manager=preflight-rke2-cluster -f -").unwrap();
    assert!(trial < real, "{script}");
    assert!(script.ends_with("kubectl annotate namespace kube-system np.rke2.io-\n"));
    // Nothing to do is a script that does nothing.
    let none = super::script(&Plan::default());
    assert_eq!(none, "#!/bin/sh\nset -eu\n");
}

#[test]
fn admission_policies_are_of_1_36() {
    assert!(!ADMISSION_POLICIES.includes(&Version::new(35, 9, 1)));
    assert!(ADMISSION_POLICIES.includes(&Version::new(36, 0, 1)));
    let text = admission_policy();
    assert!(text.contains("failurePolicy: Ignore"));
    assert!(!text.contains("Validating"));
}
