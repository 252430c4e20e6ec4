//! The plan as manifests and as a script of kubectl, and a policy for namespaces to come.

use std::fmt::Write as _;

use clap::ValueEnum;
use preflight_rke2::shared::{Since, count, printable};

use super::plan::POLICY;
use super::text::ends;
use super::{FIELD_MANAGER, Ingress, Plan, Step};

/// What is printed instead of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Manifests, for kubectl apply --server-side
    Yaml,
    /// A shell script of kubectl commands
    Script,
    /// A mutating admission policy that sets the field on default accounts of namespaces to come (Kubernetes 1.36)
    AdmissionPolicy,
}

/// The first release that serves `admissionregistration.k8s.io/v1 MutatingAdmissionPolicy`. It is `v1beta1` and off by
/// default in 1.34 and 1.35.
pub(crate) const ADMISSION_POLICIES: Since = Since(&[(36, 0, 0)]);

/// What manifests cannot say, as comments.
fn comments(plan: &Plan) -> String {
    let mut out = String::new();
    for (owner, pods) in &plan.lose_token {
        let pods = usize::try_from(*pods).unwrap_or(usize::MAX);
        let text = format!(
            "{owner} ({}) loses its token when it is made anew",
            count(pods, "pod")
        );
        let _ = writeln!(out, "# {}", printable(&text));
    }
    if let Some(ends) = ends(&plan.steps)
        && !plan.cut_off.is_empty()
    {
        let _ = writeln!(out, "# {ends}:");
        for pods in &plan.cut_off {
            let _ = writeln!(out, "#   {}", printable(&pods.to_string()));
        }
    }
    for left in &plan.left {
        let _ = writeln!(out, "# not changed: {}", printable(left));
    }
    out
}

/// The objects of accounts and policies, for `kubectl apply --server-side`. Removing a mark is none: it is a comment.
pub(crate) fn manifests(plan: &Plan) -> String {
    let mut out = comments(plan);
    for command in annotations(plan) {
        let _ = writeln!(out, "# not in this file: {command}");
    }
    out.push_str(&objects(plan));
    out
}

fn objects(plan: &Plan) -> String {
    let mut out = String::new();
    for step in &plan.steps {
        // A name such as 1e3 or true is a string only in quotes.
        let namespace = serde_json::Value::from(step.namespace());
        match step {
            Step::Account { .. } => {
                let _ = write!(
                    out,
                    "---\napiVersion: v1\nkind: ServiceAccount\n\
                     metadata:\n  name: default\n  namespace: {namespace}\n\
                     automountServiceAccountToken: false\n"
                );
            }
            Step::Policy { ingress, .. } => {
                let ingress = match ingress {
                    Ingress::Deny => " []",
                    Ingress::SameNamespace => "\n    - from:\n        - podSelector: {}",
                };
                let _ = write!(
                    out,
                    "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                     metadata:\n  name: {POLICY}\n  namespace: {namespace}\n\
                     spec:\n  podSelector: {{}}\n  policyTypes: [Ingress]\n  ingress:{ingress}\n"
                );
            }
            Step::Unmark { .. } => {}
        }
    }
    out
}

fn annotations(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .filter_map(|step| match step {
            Step::Unmark {
                namespace, mark, ..
            } => Some(format!("kubectl annotate namespace {namespace} {mark}-")),
            _ => None,
        })
        .collect()
}

/// A script that lets the API server try everything, and applies it where nothing was refused.
pub(crate) fn script(plan: &Plan) -> String {
    let mut out = String::from("#!/bin/sh\nset -eu\n");
    out.push_str(&comments(plan));
    let objects = objects(plan);
    if !objects.is_empty() {
        let apply = format!("kubectl apply --server-side --field-manager={FIELD_MANAGER}");
        let _ = write!(
            out,
            "\nobjects() {{\n    cat <<'END'\n{objects}END\n}}\n\n\
             # Nothing is forced: a field that another manager has set otherwise ends the script.\n\
             objects | {apply} --dry-run=server -f - >/dev/null\n\
             objects | {apply} -f -\n"
        );
    }
    let marks = annotations(plan);
    if !marks.is_empty() {
        out.push_str(
            "\n# RKE2 makes these policies when a server with profile: cis starts next.\n",
        );
    }
    for command in marks {
        let _ = writeln!(out, "{command}");
    }
    out
}

/// A policy and its binding. It never refuses an account: without one, no pod of a namespace starts.
pub(crate) fn admission_policy() -> &'static str {
    "\
# Turns off the token of service accounts called default that say nothing about it, as they are made.
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata:
  name: preflight-rke2-cluster-default-accounts
spec:
  # An account is made even where this cannot be evaluated.
  failurePolicy: Ignore
  reinvocationPolicy: IfNeeded
  matchConstraints:
    resourceRules:
      - apiGroups: [\"\"]
        apiVersions: [v1]
        operations: [CREATE]
        resources: [serviceaccounts]
  matchConditions:
    - name: is-default
      expression: object.metadata.name == 'default' && !has(object.automountServiceAccountToken)
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration:
        expression: 'Object{automountServiceAccountToken: false}'
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata:
  name: preflight-rke2-cluster-default-accounts
spec:
  policyName: preflight-rke2-cluster-default-accounts
"
}
