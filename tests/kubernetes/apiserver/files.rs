//! Cases of the files that the API server reads.

use super::case::{Base, Case};

/// A document with `body` under its apiVersion and kind.
fn document(api_version: &str, kind: &str, body: &str) -> String {
    format!("apiVersion: {api_version}\nkind: {kind}\n{body}")
}

/// A case of one file that `flag` names.
fn one(flag: &str, name: &str, content: &str) -> Case {
    let path = format!("/case/{flag}.yaml");
    Case::of(
        Base::Plain,
        format!("{flag}: {name}"),
        vec![format!("--{flag}={path}")],
    )
    .with(&path, content)
}

fn audit(name: &str, content: &str) -> Case {
    one("audit-policy-file", name, content)
}

const METADATA: &str = "rules:\n- level: Metadata\n";

fn audit_policies() -> Vec<Case> {
    let policy = |body: &str| document("audit.k8s.io/v1", "Policy", body);
    vec![
        audit("least", &policy(METADATA)),
        audit(
            "json",
            r#"{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"None"}]}"#,
        ),
        audit(
            "RKE2's own",
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nmetadata:\n  creationTimestamp: null\nrules:\n- level: None\n",
        ),
        audit(
            "v1beta1",
            &document("audit.k8s.io/v1beta1", "Policy", METADATA),
        ),
        audit(
            "v1alpha1",
            &document("audit.k8s.io/v1alpha1", "Policy", METADATA),
        ),
        audit("v2", &document("audit.k8s.io/v2", "Policy", METADATA)),
        audit("no group", &document("v1", "Policy", METADATA)),
        audit(
            "another kind",
            &document("audit.k8s.io/v1", "PolicyList", METADATA),
        ),
        audit(
            "an event",
            &document("audit.k8s.io/v1", "Event", "level: Metadata\n"),
        ),
        audit(
            "an unknown kind",
            &document("audit.k8s.io/v1", "AuditPolicy", METADATA),
        ),
        audit(
            "no kind",
            "apiVersion: audit.k8s.io/v1\nrules:\n- level: None\n",
        ),
        audit("no apiVersion", "kind: Policy\nrules:\n- level: None\n"),
        audit("neither", METADATA),
        audit("empty", ""),
        audit("only a comment", "# nothing\n"),
        audit("a scalar", "hello\n"),
        audit("a list", "- level: None\n"),
        audit("no rules", &policy("")),
        audit("empty rules", &policy("rules: []\n")),
        audit("null rules", &policy("rules:\n")),
        audit("no level", &policy("rules:\n- verbs: [get]\n")),
        audit("empty level", &policy("rules:\n- level: \"\"\n")),
        audit("unknown level", &policy("rules:\n- level: Everything\n")),
        audit(
            "level in lower case",
            &policy("rules:\n- level: metadata\n- level: None\n- level: request\n"),
        ),
        audit(
            "all levels",
            &policy(
                "rules:\n- level: None\n- level: Metadata\n- level: Request\n- level: RequestResponse\n",
            ),
        ),
        audit(
            "omitted stages",
            &policy(
                "omitStages: [RequestReceived, ResponseStarted, ResponseComplete, Panic]\nrules:\n- level: None\n",
            ),
        ),
        audit(
            "unknown omitted stage",
            &policy("omitStages: [Received]\nrules:\n- level: None\n"),
        ),
        audit(
            "unknown omitted stage of a rule",
            &policy(
                "omitStages: [RequestReceived]\nrules:\n- level: None\n  omitStages: [RequestReceived, requestreceived]\n",
            ),
        ),
        audit(
            "unknown field of the policy",
            &policy("rule:\n- level: None\nrules:\n- level: None\n"),
        ),
        audit(
            "unknown field of a rule",
            &policy("rules:\n- level: None\n  namespace: [a]\n"),
        ),
        audit("field in another case", &policy("Rules:\n- level: None\n")),
        audit(
            "a key twice",
            &policy("rules:\n- level: None\nrules:\n- level: Metadata\n"),
        ),
        audit(
            "a key twice in a rule",
            &policy("rules:\n- level: None\n  level: Metadata\n"),
        ),
        audit(
            "verbs as a string",
            &policy("rules:\n- level: None\n  verbs: get\n"),
        ),
        audit("rules as a mapping", &policy("rules:\n  level: None\n")),
        audit("level as a number", &policy("rules:\n- level: 1\n")),
        audit(
            "resources",
            &policy(
                "rules:\n- level: Request\n  users: [\"system:kube-proxy\"]\n  verbs: [watch]\n  resources:\n  - group: \"\"\n    resources: [endpoints, services, \"services/status\"]\n  namespaces: [kube-system]\n",
            ),
        ),
        audit(
            "resource names without resources",
            &policy(
                "rules:\n- level: None\n  resources:\n  - group: \"\"\n    resourceNames: [controller-leader]\n",
            ),
        ),
        audit(
            "a group that is no name",
            &policy(
                "rules:\n- level: None\n  resources:\n  - group: \"Apps!\"\n    resources: [deployments]\n",
            ),
        ),
        audit(
            "any group",
            &policy("rules:\n- level: None\n  resources:\n  - group: \"*\"\n"),
        ),
        audit(
            "a resource as a string",
            &policy("rules:\n- level: None\n  resources: [pods]\n"),
        ),
        audit(
            "URLs",
            &policy(
                "rules:\n- level: None\n  nonResourceURLs: [\"/healthz*\", \"/version\", \"*\"]\n",
            ),
        ),
        audit(
            "URL without a slash",
            &policy("rules:\n- level: None\n  nonResourceURLs: [healthz]\n"),
        ),
        audit(
            "URL with a star within",
            &policy("rules:\n- level: None\n  nonResourceURLs: [\"/a*b\", \"/*/\"]\n"),
        ),
        audit(
            "empty URL",
            &policy("rules:\n- level: None\n  nonResourceURLs: [\"\"]\n"),
        ),
        audit(
            "URLs and resources",
            &policy(
                "rules:\n- level: None\n  nonResourceURLs: [\"/a\"]\n  resources:\n  - group: apps\n",
            ),
        ),
        audit(
            "URLs and namespaces",
            &policy("rules:\n- level: None\n  nonResourceURLs: [\"/a\"]\n  namespaces: [a]\n"),
        ),
        audit(
            "managed fields",
            &policy("omitManagedFields: true\nrules:\n- level: None\n  omitManagedFields: false\n"),
        ),
        audit(
            "managed fields as a string",
            &policy("omitManagedFields: \"yes\"\nrules:\n- level: None\n"),
        ),
        audit(
            "several errors",
            &policy(
                "omitStages: [x]\nrules:\n- level: y\n  nonResourceURLs: [z]\n- level: \"\"\n  resources:\n  - group: UPPER\n    resourceNames: [a]\n",
            ),
        ),
        audit(
            "two documents",
            &format!("{}---\n{}", policy(METADATA), policy("rules: []\n")),
        ),
        audit("a document start", &format!("---\n{}", policy(METADATA))),
        audit("not YAML", "apiVersion: audit.k8s.io/v1\nkind: [Policy\n"),
        audit(
            "tabs",
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n\t- level: None\n",
        ),
        audit("not JSON", "{\"apiVersion\": \"audit.k8s.io/v1\",}"),
        Case::of(
            Base::Rke2,
            "audit-policy-file: over RKE2's".to_owned(),
            vec!["--audit-policy-file=/case/own.yaml".to_owned()],
        )
        .with(
            "/case/own.yaml",
            &document("audit.k8s.io/v1beta1", "Policy", METADATA),
        ),
        Case::of(
            Base::Plain,
            "audit-policy-file: with a log".to_owned(),
            vec![
                "--audit-policy-file=/case/own.yaml".to_owned(),
                "--audit-log-path=/case/audit.log".to_owned(),
            ],
        )
        .with("/case/own.yaml", &policy(METADATA)),
        Case::of(
            Base::Plain,
            "audit-webhook-config-file: a kubeconfig".to_owned(),
            vec![
                "--audit-policy-file=/case/own.yaml".to_owned(),
                "--audit-webhook-config-file=/case/pki/kubeconfig".to_owned(),
            ],
        )
        .with("/case/own.yaml", &policy(METADATA)),
        Case::of(
            Base::Plain,
            "audit-webhook-config-file: no kubeconfig".to_owned(),
            vec![
                "--audit-policy-file=/case/own.yaml".to_owned(),
                "--audit-webhook-config-file=/case/absent.yaml".to_owned(),
            ],
        )
        .with("/case/own.yaml", &policy(METADATA)),
    ]
}

fn admission(name: &str, body: &str) -> Case {
    one(
        "admission-control-config-file",
        name,
        &document("apiserver.config.k8s.io/v1", "AdmissionConfiguration", body),
    )
}

/// A PSA configuration within an admission configuration, indented.
fn pod_security(name: &str, api_version: &str, body: &str) -> Case {
    let configuration = document(api_version, "PodSecurityConfiguration", body);
    let configuration: String = configuration
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect();
    admission(
        name,
        &format!("plugins:\n- name: PodSecurity\n  configuration:\n{configuration}"),
    )
}

fn psa(name: &str, body: &str) -> Case {
    pod_security(
        &format!("PSA: {name}"),
        "pod-security.admission.config.k8s.io/v1beta1",
        body,
    )
}

const RESTRICTED: &str = "defaults:\n  enforce: restricted\n  enforce-version: latest\n  audit: restricted\n  audit-version: latest\n  warn: restricted\n  warn-version: latest\nexemptions:\n  usernames: []\n  runtimeClasses: []\n  namespaces: [kube-system, cis-operator-system, tigera-operator]\n";

fn admission_files() -> Vec<Case> {
    let file = |name: &str, content: &str| one("admission-control-config-file", name, content);
    vec![
        admission("no plugins", ""),
        admission("empty plugins", "plugins: []\n"),
        psa("RKE2's restricted", RESTRICTED),
        pod_security(
            "PSA v1",
            "pod-security.admission.config.k8s.io/v1",
            RESTRICTED,
        ),
        pod_security(
            "PSA v1alpha1",
            "pod-security.admission.config.k8s.io/v1alpha1",
            RESTRICTED,
        ),
        pod_security(
            "PSA v2",
            "pod-security.admission.config.k8s.io/v2",
            RESTRICTED,
        ),
        pod_security(
            "PSA of another group",
            "pod-security.admission/v1",
            RESTRICTED,
        ),
        psa("nothing", ""),
        psa("unknown level", "defaults:\n  enforce: strict\n"),
        psa(
            "level in upper case",
            "defaults:\n  enforce: Restricted\n  warn: Baseline\n",
        ),
        psa(
            "all levels",
            "defaults:\n  enforce: privileged\n  audit: baseline\n  warn: restricted\n",
        ),
        psa(
            "a version",
            "defaults:\n  enforce: baseline\n  enforce-version: v1.25\n",
        ),
        psa(
            "a version of the future",
            "defaults:\n  enforce: baseline\n  enforce-version: v1.99\n",
        ),
        psa(
            "a patch version",
            "defaults:\n  enforce: baseline\n  enforce-version: v1.25.3\n",
        ),
        psa(
            "a version without v",
            "defaults:\n  enforce: baseline\n  enforce-version: \"1.25\"\n",
        ),
        psa(
            "a version as a number",
            "defaults:\n  enforce: baseline\n  enforce-version: 1.25\n",
        ),
        psa(
            "a version with a zero",
            "defaults:\n  audit-version: v1.05\n  warn-version: newest\n",
        ),
        psa(
            "an upper case namespace",
            "exemptions:\n  namespaces: [Kube-System]\n",
        ),
        psa(
            "a namespace twice",
            "exemptions:\n  namespaces: [a, b, a]\n",
        ),
        psa("an empty namespace", "exemptions:\n  namespaces: [\"\"]\n"),
        psa(
            "a long namespace",
            "exemptions:\n  namespaces: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
        ),
        psa(
            "a namespace with a star",
            "exemptions:\n  namespaces: [\"kube-*\"]\n",
        ),
        psa("an empty user", "exemptions:\n  usernames: [\"\"]\n"),
        psa("a user twice", "exemptions:\n  usernames: [a, a]\n"),
        psa(
            "a runtime class that is no name",
            "exemptions:\n  runtimeClasses: [kata_qemu]\n",
        ),
        psa(
            "a runtime class twice",
            "exemptions:\n  runtimeClasses: [kata, kata]\n",
        ),
        psa("unknown field", "default:\n  enforce: restricted\n"),
        psa(
            "unknown field of defaults",
            "defaults:\n  enforced: restricted\n",
        ),
        psa(
            "a key twice",
            "defaults:\n  enforce: baseline\n  enforce: restricted\n",
        ),
        psa(
            "namespaces as a string",
            "exemptions:\n  namespaces: kube-system\n",
        ),
        psa("exemptions as a list", "exemptions: [kube-system]\n"),
        psa(
            "several errors",
            "defaults:\n  enforce: a\n  enforce-version: b\n  warn: c\n  audit-version: d\nexemptions:\n  namespaces: [A, \"\"]\n  usernames: [\"\"]\n  runtimeClasses: [B]\n",
        ),
        admission(
            "PSA of another kind",
            "plugins:\n- name: PodSecurity\n  configuration:\n    apiVersion: pod-security.admission.config.k8s.io/v1\n    kind: PodSecurity\n",
        ),
        admission(
            "PSA without a kind",
            "plugins:\n- name: PodSecurity\n  configuration:\n    defaults:\n      enforce: baseline\n",
        ),
        admission(
            "PSA with a string",
            "plugins:\n- name: PodSecurity\n  configuration: hello\n",
        ),
        admission(
            "PSA with null",
            "plugins:\n- name: PodSecurity\n  configuration:\n",
        ),
        admission(
            "PSA with an empty mapping",
            "plugins:\n- name: PodSecurity\n  configuration: {}\n",
        ),
        admission(
            "PSA in a file",
            "plugins:\n- name: PodSecurity\n  path: psa.yaml\n",
        )
        .with(
            "/case/psa.yaml",
            &document(
                "pod-security.admission.config.k8s.io/v1beta1",
                "PodSecurityConfiguration",
                RESTRICTED,
            ),
        ),
        admission(
            "PSA in a bad file",
            "plugins:\n- name: PodSecurity\n  path: /case/psa.yaml\n",
        )
        .with(
            "/case/psa.yaml",
            &document(
                "pod-security.admission.config.k8s.io/v1beta1",
                "PodSecurityConfiguration",
                "defaults:\n  enforce: x\n",
            ),
        ),
        admission(
            "PSA in an empty file",
            "plugins:\n- name: PodSecurity\n  path: psa.yaml\n",
        )
        .with("/case/psa.yaml", ""),
        admission(
            "PSA in an absent file",
            "plugins:\n- name: PodSecurity\n  path: absent.yaml\n",
        ),
        admission(
            "PSA in a file and in place",
            "plugins:\n- name: PodSecurity\n  path: absent.yaml\n  configuration:\n    apiVersion: pod-security.admission.config.k8s.io/v1beta1\n    kind: PodSecurityConfiguration\n",
        ),
        admission(
            "an unknown plugin",
            "plugins:\n- name: NoSuch\n  path: absent.yaml\n",
        ),
        admission(
            "a plugin that is off",
            "plugins:\n- name: EventRateLimit\n  path: absent.yaml\n",
        ),
        admission(
            "a plugin twice",
            "plugins:\n- name: PodSecurity\n  configuration: {}\n- name: PodSecurity\n  path: absent.yaml\n",
        ),
        admission("a plugin without a name", "plugins:\n- path: absent.yaml\n"),
        admission("unknown field", "plugin: []\n"),
        admission(
            "unknown field of a plugin",
            "plugins:\n- name: PodSecurity\n  config: {}\n",
        ),
        admission("a key twice", "plugins: []\nplugins: []\n"),
        admission("plugins as a mapping", "plugins:\n  name: PodSecurity\n"),
        file(
            "v1alpha1",
            &document(
                "apiserver.k8s.io/v1alpha1",
                "AdmissionConfiguration",
                "plugins: []\n",
            ),
        ),
        file(
            "v1beta1",
            &document(
                "apiserver.config.k8s.io/v1beta1",
                "AdmissionConfiguration",
                "plugins: []\n",
            ),
        ),
        file(
            "another kind",
            &document("apiserver.config.k8s.io/v1", "AdmissionConfig", ""),
        ),
        file(
            "another kind of the group",
            &document(
                "apiserver.config.k8s.io/v1",
                "EncryptionConfiguration",
                "resources: []\n",
            ),
        ),
        file(
            "no kind",
            "apiVersion: apiserver.config.k8s.io/v1\nplugins: []\n",
        ),
        file("empty", ""),
        file("a scalar", "hello\n"),
        file("not YAML", "plugins: [\n"),
        file(
            "the old form of a pod node selector",
            "podNodeSelectorPluginConfig:\n  clusterDefaultNodeSelector: a=b\n",
        ),
        file(
            "the old form of an image policy",
            "imagePolicy:\n  kubeConfigFile: /case/absent.yaml\n",
        ),
    ]
}

/// `EventRateLimit` is enabled with this configuration.
fn event_rate(name: &str, body: &str) -> Case {
    let configuration: String = document(
        "eventratelimit.admission.k8s.io/v1alpha1",
        "Configuration",
        body,
    )
    .lines()
    .map(|line| format!("    {line}\n"))
    .collect();
    enabled(
        "EventRateLimit",
        name,
        &format!("plugins:\n- name: EventRateLimit\n  configuration:\n{configuration}"),
    )
}

fn enabled(plugin: &str, name: &str, body: &str) -> Case {
    let mut case = admission(name, body);
    case.name = format!("{plugin}: {name}");
    case.args.push(format!(
        "--enable-admission-plugins=NodeRestriction,{plugin}"
    ));
    case
}

fn plugin_files() -> Vec<Case> {
    vec![
        event_rate(
            "right",
            "limits:\n- type: Server\n  qps: 5000\n  burst: 20000\n",
        ),
        event_rate(
            "all types",
            "limits:\n- {type: Server, qps: 1, burst: 1}\n- {type: Namespace, qps: 1, burst: 1, cacheSize: 10}\n- {type: User, qps: 1, burst: 1}\n- {type: SourceAndObject, qps: 1, burst: 1}\n",
        ),
        event_rate("no limits", ""),
        event_rate(
            "unknown type",
            "limits:\n- {type: Node, qps: 1, burst: 1}\n",
        ),
        event_rate("no type", "limits:\n- {qps: 1, burst: 1}\n"),
        event_rate("no rate", "limits:\n- {type: User}\n"),
        event_rate(
            "negative",
            "limits:\n- {type: User, qps: -1, burst: -2, cacheSize: -3}\n",
        ),
        event_rate(
            "negative cache of the server",
            "limits:\n- {type: Server, qps: 1, burst: 2, cacheSize: -3}\n",
        ),
        event_rate(
            "unknown field",
            "limits:\n- {type: Server, qps: 1, burst: 1, rate: 3}\n",
        ),
        event_rate(
            "a string",
            "limits:\n- {type: Server, qps: \"1\", burst: 1}\n",
        ),
        event_rate(
            "too large",
            "limits:\n- {type: Server, qps: 3000000000, burst: 1}\n",
        ),
        event_rate(
            "a fraction",
            "limits:\n- {type: Server, qps: 1.5, burst: 1}\n",
        ),
        enabled(
            "EventRateLimit",
            "another version",
            "plugins:\n- name: EventRateLimit\n  configuration:\n    apiVersion: eventratelimit.admission.k8s.io/v1\n    kind: Configuration\n    limits: [{type: Server, qps: 1, burst: 1}]\n",
        ),
        enabled(
            "EventRateLimit",
            "in a file",
            "plugins:\n- name: EventRateLimit\n  path: eventconfig.yaml\n",
        )
        .with(
            "/case/eventconfig.yaml",
            &document(
                "eventratelimit.admission.k8s.io/v1alpha1",
                "Configuration",
                "limits:\n- {type: Server, qps: 1, burst: 1}\n",
            ),
        ),
        enabled(
            "EventRateLimit",
            "in an absent file",
            "plugins:\n- name: EventRateLimit\n  path: absent.yaml\n",
        ),
        enabled("EventRateLimit", "not mentioned", "plugins: []\n"),
        enabled("ImagePolicyWebhook", "not mentioned", "plugins: []\n"),
        enabled(
            "ImagePolicyWebhook",
            "absent kubeconfig",
            "plugins:\n- name: ImagePolicyWebhook\n  configuration:\n    imagePolicy:\n      kubeConfigFile: /case/absent.yaml\n",
        ),
        enabled(
            "ImagePolicyWebhook",
            "right",
            "plugins:\n- name: ImagePolicyWebhook\n  configuration:\n    imagePolicy:\n      kubeConfigFile: /case/pki/kubeconfig\n      allowTTL: 50\n      denyTTL: 50\n      retryBackoff: 500\n      defaultAllow: true\n",
        ),
        enabled(
            "ImagePolicyWebhook",
            "TTL too long",
            "plugins:\n- name: ImagePolicyWebhook\n  configuration:\n    imagePolicy:\n      kubeConfigFile: /case/pki/kubeconfig\n      allowTTL: 5000\n",
        ),
        enabled(
            "ImagePolicyWebhook",
            "backoff too long",
            "plugins:\n- name: ImagePolicyWebhook\n  configuration:\n    imagePolicy:\n      kubeConfigFile: /case/pki/kubeconfig\n      retryBackoff: 500000\n      denyTTL: -1\n",
        ),
        enabled(
            "PodNodeSelector",
            "right",
            "plugins:\n- name: PodNodeSelector\n  configuration:\n    podNodeSelectorPluginConfig:\n      clusterDefaultNodeSelector: a=b\n",
        ),
        enabled(
            "PodTolerationRestriction",
            "right",
            "plugins:\n- name: PodTolerationRestriction\n  configuration:\n    apiVersion: podtolerationrestriction.admission.k8s.io/v1alpha1\n    kind: Configuration\n    default: []\n",
        ),
        enabled(
            "PodTolerationRestriction",
            "bad toleration",
            "plugins:\n- name: PodTolerationRestriction\n  configuration:\n    apiVersion: podtolerationrestriction.admission.k8s.io/v1alpha1\n    kind: Configuration\n    default:\n    - {key: a, operator: Maybe}\n",
        ),
        enabled(
            "AlwaysPullImages",
            "with a configuration",
            "plugins:\n- name: AlwaysPullImages\n  path: absent.yaml\n",
        ),
        admission(
            "ResourceQuota",
            "plugins:\n- name: ResourceQuota\n  configuration:\n    apiVersion: apiserver.config.k8s.io/v1\n    kind: ResourceQuotaConfiguration\n    limitedResources:\n    - resource: pods\n      matchContains: [pods]\n",
        ),
        admission(
            "ResourceQuota without a resource",
            "plugins:\n- name: ResourceQuota\n  configuration:\n    apiVersion: apiserver.config.k8s.io/v1\n    kind: ResourceQuotaConfiguration\n    limitedResources:\n    - {apiGroup: apps}\n",
        ),
        admission(
            "ResourceQuota of another version",
            "plugins:\n- name: ResourceQuota\n  configuration:\n    apiVersion: resourcequota.admission.k8s.io/v1beta1\n    kind: Configuration\n    limitedResources: []\n",
        ),
        admission(
            "a webhook configuration",
            "plugins:\n- name: ValidatingAdmissionWebhook\n  configuration:\n    apiVersion: apiserver.config.k8s.io/v1\n    kind: WebhookAdmissionConfiguration\n    kubeConfigFile: /case/pki/kubeconfig\n",
        ),
        admission(
            "a webhook configuration with a relative path",
            "plugins:\n- name: MutatingAdmissionWebhook\n  configuration:\n    apiVersion: apiserver.config.k8s.io/v1\n    kind: WebhookAdmissionConfiguration\n    kubeConfigFile: kubeconfig\n",
        ),
        admission(
            "a webhook configuration with an absent kubeconfig",
            "plugins:\n- name: MutatingAdmissionWebhook\n  configuration:\n    apiVersion: apiserver.config.k8s.io/v1\n    kind: WebhookAdmissionConfiguration\n    kubeConfigFile: /case/absent.yaml\n",
        ),
        admission(
            "a webhook configuration of an old version",
            "plugins:\n- name: ValidatingAdmissionWebhook\n  configuration:\n    apiVersion: apiserver.config.k8s.io/v1alpha1\n    kind: WebhookAdmission\n    kubeConfigFile: /case/pki/kubeconfig\n",
        ),
    ]
}

const KEY16: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";
const KEY32: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn encryption(name: &str, body: &str) -> Case {
    one(
        "encryption-provider-config",
        name,
        &document(
            "apiserver.config.k8s.io/v1",
            "EncryptionConfiguration",
            body,
        ),
    )
}

/// One rule for secrets with these providers.
fn providers(name: &str, providers: &str) -> Case {
    encryption(
        name,
        &format!("resources:\n- resources: [secrets]\n  providers:\n{providers}"),
    )
}

fn encryption_files() -> Vec<Case> {
    let file = |name: &str, content: &str| one("encryption-provider-config", name, content);
    let resources = |name: &str, list: &str| {
        encryption(
            name,
            &format!("resources:\n- resources: {list}\n  providers: [{{identity: {{}}}}]\n"),
        )
    };
    let mut cases = vec![
        providers("identity", "  - identity: {}\n"),
        providers(
            "aescbc of RKE2",
            &format!(
                "  - aescbc:\n      keys: [{{name: aescbckey, secret: {KEY32}}}]\n  - identity: {{}}\n"
            ),
        ),
        providers(
            "aesgcm with 16 bytes",
            &format!("  - aesgcm:\n      keys: [{{name: a, secret: {KEY16}}}]\n"),
        ),
        providers(
            "secretbox",
            &format!("  - secretbox:\n      keys: [{{name: a, secret: {KEY32}}}]\n"),
        ),
        providers(
            "secretbox with 16 bytes",
            &format!("  - secretbox:\n      keys: [{{name: a, secret: {KEY16}}}]\n"),
        ),
        providers(
            "aescbc with 15 bytes",
            "  - aescbc:\n      keys: [{name: a, secret: MDEyMzQ1Njc4OWFiY2Rl}]\n",
        ),
        providers(
            "not base64",
            "  - aescbc:\n      keys: [{name: a, secret: \"not base64!\"}]\n",
        ),
        providers(
            "base64 without padding",
            "  - aescbc:\n      keys: [{name: a, secret: MDEyMzQ1Njc4OWFiY2RlZg}]\n",
        ),
        providers("no secret", "  - aescbc:\n      keys: [{name: a}]\n"),
        providers(
            "no name",
            &format!("  - aescbc:\n      keys: [{{secret: {KEY16}}}]\n"),
        ),
        providers("neither name nor secret", "  - aescbc:\n      keys: [{}]\n"),
        providers("no keys", "  - aescbc: {}\n"),
        providers("empty keys", "  - aesgcm:\n      keys: []\n"),
        providers("an unknown provider", "  - rot13: {}\n"),
        providers(
            "two providers in one",
            &format!(
                "  - identity: {{}}\n    aescbc:\n      keys: [{{name: a, secret: {KEY16}}}]\n"
            ),
        ),
        providers("an empty provider", "  - {}\n"),
        providers("a null provider", "  - identity:\n"),
        providers(
            "a name twice",
            &format!(
                "  - aescbc:\n      keys: [{{name: a, secret: {KEY16}}}, {{name: a, secret: {KEY32}}}]\n"
            ),
        ),
        providers(
            "kms v2",
            "  - kms: {apiVersion: v2, name: a, endpoint: \"unix:///case/kms.sock\", timeout: 1s}\n",
        ),
        providers(
            "kms v1",
            "  - kms: {name: a, endpoint: \"unix:///case/kms.sock\"}\n",
        ),
        providers(
            "kms v3",
            "  - kms: {apiVersion: v3, name: a, endpoint: \"unix:///case/kms.sock\"}\n",
        ),
        providers(
            "kms without a name",
            "  - kms: {apiVersion: v2, endpoint: \"unix:///case/kms.sock\"}\n",
        ),
        providers(
            "kms without an endpoint",
            "  - kms: {apiVersion: v2, name: a}\n",
        ),
        providers(
            "kms over TCP",
            "  - kms: {apiVersion: v2, name: a, endpoint: \"tcp://127.0.0.1:1\"}\n",
        ),
        providers(
            "kms with a colon",
            "  - kms: {apiVersion: v2, name: \"a:b\", endpoint: \"unix:///case/kms.sock\"}\n",
        ),
        providers(
            "kms twice",
            "  - kms: {apiVersion: v2, name: a, endpoint: \"unix:///case/kms.sock\"}\n  - kms: {apiVersion: v2, name: a, endpoint: \"unix:///case/kms.sock\"}\n",
        ),
        providers(
            "kms with a cache",
            "  - kms: {apiVersion: v2, name: a, cachesize: 10, endpoint: \"unix:///case/kms.sock\"}\n",
        ),
        providers(
            "kms with a negative timeout",
            "  - kms: {apiVersion: v2, name: a, timeout: -1s, endpoint: \"unix:///case/kms.sock\"}\n",
        ),
        encryption("no resources", ""),
        encryption("empty resources", "resources: []\n"),
        encryption(
            "no resources of a rule",
            "resources:\n- providers: [{identity: {}}]\n",
        ),
        encryption("no providers", "resources:\n- resources: [secrets]\n"),
        encryption("nothing in a rule", "resources:\n- {}\n"),
        encryption("unknown field", "resource: []\n"),
        encryption("a key twice", "resources: []\nresources: []\n"),
        encryption("resources as a string", "resources: secrets\n"),
        resources(
            "several resources",
            "[secrets, configmaps, pandas.awesome.bears.example]",
        ),
        resources("a resource twice", "[secrets, secrets]"),
        resources("a capital", "[Secrets]"),
        resources("star", "['*']"),
        resources("star of a group", "['*.apps']"),
        resources("all", "['*.*']"),
        resources("overlap", "[secrets, '*.']"),
        resources("overlap of a group", "['deployments.apps', '*.apps']"),
        resources("overlap with all", "['*.*', secrets]"),
        resources("across groups", "['secrets.*']"),
        resources("events of a group", "['events.events.k8s.io']"),
        resources("extensions", "['ingresses.extensions']"),
        resources("not a resource", "[serviceipallocations]"),
        resources("an empty resource", "['']"),
        encryption(
            "masked",
            "resources:\n- resources: ['*.']\n  providers: [{identity: {}}]\n- resources: [secrets]\n  providers: [{identity: {}}]\n",
        ),
        encryption(
            "masked by all",
            "resources:\n- resources: ['*.*']\n  providers: [{identity: {}}]\n- resources: ['a.b']\n  providers: [{identity: {}}]\n",
        ),
        file(
            "the old kind",
            &document(
                "v1",
                "EncryptionConfig",
                "resources:\n- resources: [secrets]\n  providers:\n  - identity: {}\n",
            ),
        ),
        file(
            "v1alpha1",
            &document(
                "apiserver.config.k8s.io/v1alpha1",
                "EncryptionConfiguration",
                "resources: []\n",
            ),
        ),
        file(
            "another kind",
            &document(
                "apiserver.config.k8s.io/v1",
                "AdmissionConfiguration",
                "plugins: []\n",
            ),
        ),
        file(
            "no kind",
            "apiVersion: apiserver.config.k8s.io/v1\nresources: []\n",
        ),
        file("empty", ""),
        file(
            "JSON of RKE2",
            &format!(
                "{{\"kind\":\"EncryptionConfiguration\",\"apiVersion\":\"apiserver.config.k8s.io/v1\",\"resources\":[{{\"resources\":[\"secrets\"],\"providers\":[{{\"aescbc\":{{\"keys\":[{{\"name\":\"aescbckey\",\"secret\":\"{KEY32}\"}}]}}}},{{\"identity\":{{}}}}]}}]}}"
            ),
        ),
        file("not YAML", "resources: [\n"),
    ];
    let mut reload = providers("with reload", "  - identity: {}\n");
    reload
        .args
        .push("--encryption-provider-config-automatic-reload=true".to_owned());
    cases.push(reload);
    let mut reload = providers(
        "kms v1 twice with reload",
        "  - kms: {name: a, endpoint: \"unix:///case/kms.sock\"}\n  - kms: {name: a, endpoint: \"unix:///case/kms.sock\"}\n",
    );
    reload
        .args
        .push("--encryption-provider-config-automatic-reload=true".to_owned());
    cases.push(reload);
    let mut gate = providers(
        "kms v1 with its gate",
        "  - kms: {name: a, endpoint: \"unix:///case/kms.sock\"}\n",
    );
    gate.args.push("--feature-gates=KMSv1=true".to_owned());
    cases.push(gate);
    cases
}

fn authentication(name: &str, version: &str, body: &str) -> Case {
    let content = document(
        &format!("apiserver.config.k8s.io/{version}"),
        "AuthenticationConfiguration",
        body,
    );
    one(
        "authentication-config",
        &format!("{name} ({version})"),
        &content,
    )
}

const ISSUER: &str = "jwt:\n- issuer:\n    url: https://a.example\n    audiences: [b]\n  claimMappings:\n    username: {claim: sub, prefix: \"\"}\n";

fn authentication_files() -> Vec<Case> {
    let jwt = |name: &str, body: &str| authentication(name, "v1beta1", body);
    let issuer = |name: &str, fields: &str| {
        jwt(
            name,
            &format!(
                "jwt:\n- issuer: {fields}\n  claimMappings:\n    username: {{claim: sub, prefix: \"\"}}\n"
            ),
        )
    };
    let user = |name: &str, mapping: &str| {
        jwt(
            name,
            &format!(
                "jwt:\n- issuer: {{url: \"https://a.example\", audiences: [b]}}\n  claimMappings:\n    username: {mapping}\n"
            ),
        )
    };
    let rules =
        |name: &str, rules: &str| jwt(name, &format!("{ISSUER}  claimValidationRules: {rules}\n"));
    let mut cases = Vec::new();
    for version in ["v1alpha1", "v1beta1", "v1", "v2"] {
        cases.push(authentication("an issuer", version, ISSUER));
        cases.push(authentication(
            "no anonymous",
            version,
            "anonymous:\n  enabled: false\n",
        ));
    }
    cases.extend([
        jwt("nothing", ""),
        jwt("anonymous for paths", "anonymous:\n  enabled: true\n  conditions: [{path: /livez}]\n"),
        jwt("conditions although off", "anonymous:\n  enabled: false\n  conditions: [{path: /livez}]\n"),
        issuer("http", "{url: \"http://a.example\", audiences: [b]}"),
        issuer("no url", "{audiences: [b]}"),
        issuer("no audiences", "{url: \"https://a.example\"}"),
        issuer("an empty audience", "{url: \"https://a.example\", audiences: [\"\"]}"),
        issuer("an audience twice", "{url: \"https://a.example\", audiences: [b, b], audienceMatchPolicy: MatchAny}"),
        issuer("two audiences", "{url: \"https://a.example\", audiences: [b, c]}"),
        issuer("a wrong policy", "{url: \"https://a.example\", audiences: [b], audienceMatchPolicy: MatchAll}"),
        issuer("user, query and fragment", "{url: \"https://u:p@a.example?x=y#z\", audiences: [b]}"),
        issuer("a wrong authority", "{url: \"https://a.example\", audiences: [b], certificateAuthority: nothing}"),
        issuer("the same discovery URL", "{url: \"https://a.example\", discoveryURL: \"https://a.example/\", audiences: [b]}"),
        issuer("a discovery URL over http", "{url: \"https://a.example\", discoveryURL: \"http://b.example\", audiences: [b]}"),
        issuer("an unknown egress", "{url: \"https://a.example\", audiences: [b], egressSelectorType: x}"),
        user("no user", "{}"),
        user("no prefix", "{claim: sub}"),
        user("claim and expression", "{claim: sub, expression: claims.sub}"),
        user("an expression", "{expression: claims.sub}"),
        user("a prefix with an expression", "{prefix: a, expression: claims.sub}"),
        user("a wrong expression", "{expression: \"claims.\"}"),
        rules("a rule", "[{claim: hd, requiredValue: a}]"),
        rules("a claim twice", "[{claim: hd, requiredValue: a}, {claim: hd, requiredValue: b}]"),
        rules("an empty rule", "[{}]"),
        rules("claim and expression of a rule", "[{claim: a, expression: b}]"),
        rules("a message with a claim", "[{claim: a, message: b}]"),
        jwt("groups without a prefix", &format!("{ISSUER}    groups: {{claim: g}}\n")),
        jwt("uid both", &format!("{ISSUER}    uid: {{claim: a, expression: claims.b}}\n")),
        jwt("an empty user rule", &format!("{ISSUER}  userValidationRules: [{{message: a}}]\n")),
        jwt("an issuer twice", &format!("{ISSUER}{}", ISSUER.trim_start_matches("jwt:\n"))),
        jwt("the issuer of service accounts", "jwt:\n- issuer: {url: \"https://kubernetes.default.svc.cluster.local\", audiences: [b]}\n  claimMappings:\n    username: {claim: sub, prefix: \"\"}\n"),
        jwt("unknown field", "jwts: []\n"),
        jwt("a key twice", "jwt: []\njwt: []\n"),
        one("authentication-config", "empty", ""),
        one("authentication-config", "another kind", &document("apiserver.config.k8s.io/v1beta1", "AuthorizationConfiguration", "")),
        one("authentication-config", "another kind v1", &document("apiserver.config.k8s.io/v1", "EncryptionConfiguration", "")),
    ]);
    let mut both = authentication(
        "anonymous in both",
        "v1beta1",
        "anonymous:\n  enabled: false\n",
    );
    both.args.push("--anonymous-auth=false".to_owned());
    cases.push(both);
    let mut both = authentication(
        "anonymous in both, as RKE2 passes it",
        "v1",
        "anonymous:\n  enabled: true\n",
    );
    both.args.push("--anonymous-auth=false".to_owned());
    cases.push(both);
    cases
}

fn authorization(name: &str, version: &str, body: &str) -> Case {
    let content = document(
        &format!("apiserver.config.k8s.io/{version}"),
        "AuthorizationConfiguration",
        body,
    );
    let mut case = one(
        "authorization-config",
        &format!("{name} ({version})"),
        &content,
    );
    case.base = Base::NoMode;
    case
}

fn authorization_files() -> Vec<Case> {
    let list =
        |name: &str, body: &str| authorization(name, "v1beta1", &format!("authorizers:\n{body}"));
    let webhook = |name: &str, fields: &str| {
        list(
            &format!("webhook: {name}"),
            &format!(
                "- type: Webhook\n  name: hook\n  webhook: {fields}\n- {{type: RBAC, name: rbac}}\n"
            ),
        )
    };
    let mut cases = Vec::new();
    for version in ["v1alpha1", "v1beta1", "v1"] {
        cases.push(authorization(
            "RBAC",
            version,
            "authorizers:\n- {type: Node, name: node}\n- {type: RBAC, name: rbac}\n",
        ));
    }
    cases.extend([
        authorization("nothing", "v1beta1", ""),
        list("unknown type", "- {type: Nope, name: a}\n"),
        list("no type", "- {name: a}\n"),
        list("no name", "- {type: RBAC}\n"),
        list("another name", "- {type: RBAC, name: roles}\n"),
        list("a name that is none", "- {type: RBAC, name: \"R B\"}\n"),
        list("a type twice", "- {type: RBAC, name: rbac}\n- {type: RBAC, name: rbac}\n"),
        list("a name twice", "- {type: RBAC, name: rbac}\n- {type: Node, name: rbac}\n"),
        list("ABAC", "- {type: ABAC, name: abac}\n"),
        list("a webhook of RBAC", "- {type: RBAC, name: rbac, webhook: {}}\n"),
        list("no webhook", "- {type: Webhook, name: hook}\n"),
        webhook("an empty webhook", "{}"),
        webhook("a right webhook", "{timeout: 3s, subjectAccessReviewVersion: v1, failurePolicy: Deny, connectionInfo: {type: KubeConfigFile, kubeConfigFile: /case/pki/kubeconfig}}"),
        webhook("an absent kubeconfig", "{timeout: 3s, subjectAccessReviewVersion: v1, failurePolicy: Deny, connectionInfo: {type: KubeConfigFile, kubeConfigFile: /case/absent.yaml}}"),
        webhook("a relative kubeconfig", "{timeout: 3s, subjectAccessReviewVersion: v1, failurePolicy: Deny, connectionInfo: {type: KubeConfigFile, kubeConfigFile: absent.yaml}}"),
        webhook("a long timeout", "{timeout: 31s, authorizedTTL: -1s, unauthorizedTTL: -1s, subjectAccessReviewVersion: v2, failurePolicy: Maybe, matchConditionSubjectAccessReviewVersion: v1beta1, connectionInfo: {type: Other}}"),
        webhook("a kubeconfig in the cluster", "{timeout: 3s, subjectAccessReviewVersion: v1, failurePolicy: NoOpinion, connectionInfo: {type: InClusterConfig, kubeConfigFile: /a}}"),
        webhook("conditions without a version", "{timeout: 3s, subjectAccessReviewVersion: v1, failurePolicy: NoOpinion, connectionInfo: {type: KubeConfigFile, kubeConfigFile: /case/pki/kubeconfig}, matchConditions: [{expression: \"has(request.resourceAttributes)\"}]}"),
        webhook("an empty condition", "{timeout: 3s, subjectAccessReviewVersion: v1, failurePolicy: NoOpinion, matchConditionSubjectAccessReviewVersion: v1, connectionInfo: {type: KubeConfigFile, kubeConfigFile: /case/pki/kubeconfig}, matchConditions: [{expression: \"\"}]}"),
        webhook("a wrong condition", "{timeout: 3s, subjectAccessReviewVersion: v1, failurePolicy: NoOpinion, matchConditionSubjectAccessReviewVersion: v1, connectionInfo: {type: KubeConfigFile, kubeConfigFile: /case/pki/kubeconfig}, matchConditions: [{expression: \"nope\"}]}"),
        webhook("unknown field", "{timeout: 3s, version: v1}"),
        authorization("unknown field", "v1beta1", "modes: [RBAC]\n"),
        authorization("another version", "v3", "authorizers: []\n"),
    ]);
    let mut case = one("authorization-config", "empty", "");
    case.base = Base::NoMode;
    cases.push(case);
    let mut case = one(
        "authorization-config",
        "with a mode",
        &document(
            "apiserver.config.k8s.io/v1beta1",
            "AuthorizationConfiguration",
            "authorizers: []\n",
        ),
    );
    case.base = Base::Plain;
    cases.push(case);
    cases
}

fn other_files() -> Vec<Case> {
    let egress = |name: &str, body: &str| {
        one(
            "egress-selector-config-file",
            name,
            &document(
                "apiserver.k8s.io/v1beta1",
                "EgressSelectorConfiguration",
                body,
            ),
        )
    };
    let tracing = |name: &str, version: &str, body: &str| {
        one(
            "tracing-config-file",
            &format!("{name} ({version})"),
            &document(
                &format!("apiserver.config.k8s.io/{version}"),
                "TracingConfiguration",
                body,
            ),
        )
    };
    let with_gate = |mut case: Case| {
        case.name.push_str(" with the gate");
        case.args
            .push("--feature-gates=APIServerTracing=true".to_owned());
        case
    };
    vec![
        egress(
            "direct",
            "egressSelections:\n- name: cluster\n  connection:\n    proxyProtocol: Direct\n",
        ),
        egress(
            "RKE2's own",
            "egressSelections:\n- name: cluster\n  connection:\n    proxyProtocol: HTTPConnect\n    transport:\n      tcp:\n        url: https://127.0.0.1:9345\n        tlsConfig:\n          caBundle: /case/pki/ca.crt\n          clientKey: /case/pki/server.key\n          clientCert: /case/pki/server.crt\n",
        ),
        egress("nothing", ""),
        egress(
            "unknown name",
            "egressSelections:\n- name: nodes\n  connection:\n    proxyProtocol: Direct\n",
        ),
        egress(
            "master",
            "egressSelections:\n- name: master\n  connection:\n    proxyProtocol: Direct\n",
        ),
        egress(
            "a name twice",
            "egressSelections:\n- name: etcd\n  connection: {proxyProtocol: Direct}\n- name: ETCD\n  connection: {proxyProtocol: Direct}\n",
        ),
        egress(
            "unknown protocol",
            "egressSelections:\n- name: etcd\n  connection: {proxyProtocol: Socks}\n",
        ),
        egress(
            "direct with a transport",
            "egressSelections:\n- name: etcd\n  connection: {proxyProtocol: Direct, transport: {tcp: {url: \"http://a\"}}}\n",
        ),
        egress(
            "no transport",
            "egressSelections:\n- name: etcd\n  connection: {proxyProtocol: HTTPConnect}\n",
        ),
        egress(
            "an empty transport",
            "egressSelections:\n- name: etcd\n  connection: {proxyProtocol: HTTPConnect, transport: {}}\n",
        ),
        egress(
            "gRPC over TCP",
            "egressSelections:\n- name: etcd\n  connection: {proxyProtocol: GRPC, transport: {tcp: {url: \"http://a\"}}}\n",
        ),
        egress(
            "no socket",
            "egressSelections:\n- name: etcd\n  connection: {proxyProtocol: GRPC, transport: {uds: {}}}\n",
        ),
        egress(
            "another scheme",
            "egressSelections:\n- name: etcd\n  connection: {proxyProtocol: HTTPConnect, transport: {tcp: {url: \"ftp://a\"}}}\n",
        ),
        egress(
            "https without TLS",
            "egressSelections:\n- name: etcd\n  connection: {proxyProtocol: HTTPConnect, transport: {tcp: {url: \"https://a\"}}}\n",
        ),
        egress(
            "absent certificates",
            "egressSelections:\n- name: etcd\n  connection: {proxyProtocol: HTTPConnect, transport: {tcp: {url: \"https://a\", tlsConfig: {caBundle: /case/absent.crt, clientCert: /case/absent.crt, clientKey: /case/absent.key}}}}\n",
        ),
        egress("unknown field", "selections: []\n"),
        one("egress-selector-config-file", "empty", ""),
        one(
            "egress-selector-config-file",
            "another version",
            &document("apiserver.k8s.io/v1", "EgressSelectorConfiguration", ""),
        ),
        one(
            "egress-selector-config-file",
            "v1alpha1",
            &document(
                "apiserver.k8s.io/v1alpha1",
                "EgressSelectorConfiguration",
                "egressSelections:\n- name: master\n  connection: {proxyProtocol: Direct}\n",
            ),
        ),
        with_gate(tracing("nothing", "v1alpha1", "")),
        with_gate(tracing("nothing", "v1beta1", "")),
        tracing("nothing", "v1", ""),
        tracing("nothing", "v1beta1", ""),
        with_gate(tracing(
            "negative",
            "v1alpha1",
            "samplingRatePerMillion: -1\n",
        )),
        with_gate(tracing(
            "too large",
            "v1beta1",
            "samplingRatePerMillion: 1000001\n",
        )),
        with_gate(tracing(
            "an endpoint",
            "v1beta1",
            "endpoint: localhost:4317\nsamplingRatePerMillion: 100\n",
        )),
        with_gate(tracing(
            "an http endpoint",
            "v1beta1",
            "endpoint: http://localhost:4317\n",
        )),
        with_gate(tracing("unknown field", "v1beta1", "rate: 1\n")),
        one("token-auth-file", "right", "token,user,uid,\"a,b\"\n"),
        one("token-auth-file", "two columns", "token,user\n"),
        one("token-auth-file", "empty", ""),
        one("token-auth-file", "empty token", ",user,uid\n"),
        {
            let mut case = one(
                "authorization-policy-file",
                "right",
                "{\"apiVersion\": \"abac.authorization.kubernetes.io/v1beta1\", \"kind\": \"Policy\", \"spec\": {\"user\": \"a\", \"namespace\": \"*\", \"resource\": \"*\", \"apiGroup\": \"*\"}}\n",
            );
            case.args.push("--authorization-mode=ABAC,RBAC".to_owned());
            case
        },
        {
            let mut case = one("authorization-policy-file", "not JSON", "user a\n");
            case.args.push("--authorization-mode=ABAC,RBAC".to_owned());
            case
        },
    ]
}

/// All of them.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = audit_policies();
    cases.extend(admission_files());
    cases.extend(plugin_files());
    cases.extend(encryption_files());
    cases.extend(authentication_files());
    cases.extend(authorization_files());
    cases.extend(other_files());
    cases
}
