//! `--authentication-config`, and the issuer of `--oidc-*`, which is checked as one of its entries.
//!
//! Upstream: `pkg/kubeapiserver/options/authentication.go` and
//! `k8s.io/apiserver/pkg/apis/apiserver/validation/validation.go`. CEL expressions are not compiled.

use super::super::super::errors::{FieldErrors, quote};
use super::super::super::options::Options;
use super::super::super::state::{FileState, Files};
use super::super::super::url;
use super::document::{self, list, set, text, texts};
use crate::kubernetes::codec::tree::Node;
use crate::kubernetes::{Cause, Failure};

const FLAG: &str = "authentication-config";
/// Since which minor there are several issuers.
const SEVERAL: u32 = 30;
/// Since which minor the file says who is anonymous.
const ANONYMOUS: u32 = 31;
/// Since which minor errors say what they are about.
const AROUND: u32 = 34;

/// The failure over the file, or over the issuer of the flags.
pub(in super::super) fn failure(options: &Options, files: &Files<'_>) -> Option<Failure> {
    if options.text(FLAG, "").is_empty() {
        return issuer_of_flags(options);
    }
    let path = options.text(FLAG, "");
    let load = |error: &str| {
        if options.since(AROUND) {
            format!(
                "failed to load authentication configuration from file {}: {error}",
                quote(path)
            )
        } else {
            error.to_owned()
        }
    };
    let content = match files(path) {
        FileState::Content(content) => content,
        FileState::Missing => return Some(super::super::super::state::missing(path, load)),
        FileState::Unknown => return None,
    };
    if content.is_empty() {
        let error = if options.since(SEVERAL) {
            "empty config data".to_owned()
        } else {
            format!("empty config file {}", quote(path))
        };
        return Some(document::invalid(path, load(&error)));
    }
    let document =
        match document::decode(options, &content, &document::kinds(options, false), true)? {
            Ok(document) => document,
            Err(refusal) => return Some(refusal.failure(path, load)),
        };
    if document.kind != "AuthenticationConfiguration" {
        let error = format!(
            "expected AuthenticationConfiguration, got *apiserver.{}",
            document.kind
        );
        return Some(document::invalid(path, load(&error)));
    }
    if let Some(failure) = anonymous_failure(options, &document.root) {
        return Some(failure);
    }
    let mut errors = FieldErrors::default();
    validate(options, &document.root, &mut errors);
    let error = errors.message()?;
    Some(document::invalid(path, around(options, &error)))
}

fn around(options: &Options, error: &str) -> String {
    if options.since(AROUND) {
        format!("invalid authentication configuration: {error}")
    } else {
        error.to_owned()
    }
}

/// Who is anonymous is said by the file or by the flag.
fn anonymous_failure(options: &Options, root: &Node) -> Option<Failure> {
    if !options.since(ANONYMOUS)
        || set(root, "anonymous").is_none()
        || !options.is_set("anonymous-auth")
    {
        return None;
    }
    let flag = if options.since(AROUND) {
        "anonymous"
    } else {
        "anonynous"
    };
    Some(Failure {
        message: format!(
            "anonymous: Forbidden: --{flag}-auth flag cannot be set when anonymous field is configured in authentication configuration file"
        ),
        cause: Cause::Arguments(options.at(&["anonymous-auth", FLAG])),
        rests_on_names: false,
    })
}

/// `ValidateAuthenticationConfiguration`.
fn validate(options: &Options, root: &Node, errors: &mut FieldErrors) {
    let issuers = list(root, "jwt");
    if !options.since(SEVERAL) && issuers.is_empty() {
        errors.required("jwt", "at least one jwt is required");
        return;
    }
    let most = if options.since(SEVERAL) { 64 } else { 1 };
    if issuers.len() > most {
        errors.too_many("jwt", issuers.len(), most);
        return;
    }
    let mut urls: Vec<&str> = Vec::new();
    let mut discovery: Vec<&str> = Vec::new();
    for (index, entry) in issuers.iter().enumerate() {
        let path = format!("jwt[{index}]");
        validate_entry(options, entry, &path, errors);
        let issuer = entry.get("issuer");
        let of = |field: &str| issuer.map_or("", |issuer| text(issuer, field)).to_owned();
        let (url, other) = (of("url"), of("discoveryURL"));
        if options.since(SEVERAL) {
            if urls.contains(&url.as_str()) {
                errors.duplicate(&format!("{path}.issuer.url"), &url);
            }
            if !other.is_empty() && discovery.contains(&other.as_str()) {
                errors.duplicate(&format!("{path}.issuer.discoveryURL"), &other);
            }
        }
        if let Some(issuer) = issuer {
            urls.push(text(issuer, "url"));
            discovery.push(text(issuer, "discoveryURL"));
        } else {
            urls.push("");
        }
    }
    validate_anonymous(options, root, errors);
}

fn validate_anonymous(options: &Options, root: &Node, errors: &mut FieldErrors) {
    let Some(anonymous) = set(root, "anonymous").filter(|_| options.since(ANONYMOUS)) else {
        return;
    };
    let conditions = list(anonymous, "conditions");
    if options.minor().0 < 34 && !options.gate("AnonymousAuthConfigurableEndpoints") {
        errors.forbidden(
            "anonymous",
            "anonymous is not supported when AnonymousAuthConfigurableEnpoints feature gate is disabled",
        );
    }
    if !document::bool(anonymous, "enabled") && !conditions.is_empty() {
        let paths = conditions
            .iter()
            .map(|condition| quote(text(condition, "path")));
        let value = if options.since(AROUND) {
            let shown: Vec<String> = paths.map(|path| format!("{{\"Path\":{path}}}")).collect();
            format!("[{}]", shown.join(","))
        } else {
            let shown: Vec<String> = paths
                .map(|path| format!("apiserver.AnonymousAuthCondition{{Path:{path}}}"))
                .collect();
            format!("[]apiserver.AnonymousAuthCondition{{{}}}", shown.join(", "))
        };
        errors.invalid(
            "anonymous.conditions",
            &value,
            "enabled should be set to true when conditions are defined",
        );
    }
}

fn validate_entry(options: &Options, entry: &Node, path: &str, errors: &mut FieldErrors) {
    let empty = Node::default(crate::kubernetes::codec::tree::Value::Map(Vec::new()));
    let issuer = set(entry, "issuer").unwrap_or(&empty);
    validate_issuer(options, issuer, &format!("{path}.issuer"), errors);
    let rules = list(entry, "claimValidationRules");
    validate_rules(
        options,
        rules,
        &format!("{path}.claimValidationRules"),
        errors,
    );
    let mappings = set(entry, "claimMappings").unwrap_or(&empty);
    let mappings_path = format!("{path}.claimMappings");
    let username = set(mappings, "username").unwrap_or(&empty);
    validate_mapping(
        options,
        username,
        &format!("{mappings_path}.username"),
        true,
        errors,
    );
    let groups = set(mappings, "groups").unwrap_or(&empty);
    validate_mapping(
        options,
        groups,
        &format!("{mappings_path}.groups"),
        false,
        errors,
    );
    let uid = set(mappings, "uid").unwrap_or(&empty);
    if !text(uid, "claim").is_empty() && !text(uid, "expression").is_empty() {
        let detail = "claim and expression can't both be set";
        errors.invalid_text(&format!("{mappings_path}.uid"), "", detail);
    }
    validate_user_rules(options, list(entry, "userValidationRules"), path, errors);
}

fn validate_issuer(options: &Options, issuer: &Node, path: &str, errors: &mut FieldErrors) {
    let address = text(issuer, "url");
    let url_path = format!("{path}.url");
    if address.is_empty() {
        errors.required(&url_path, required_detail(options, "URL is required"));
    } else {
        validate_url(address, &url_path, errors);
    }
    let discovery = text(issuer, "discoveryURL");
    if !discovery.is_empty() && options.since(SEVERAL) {
        let path = format!("{path}.discoveryURL");
        let same = address.trim_end_matches('/') == discovery.trim_end_matches('/');
        if !address.is_empty() && same {
            errors.invalid_text(&path, discovery, "discoveryURL must be different from URL");
        }
        validate_url(discovery, &path, errors);
    }
    validate_audiences(options, issuer, path, errors);
    let authority = text(issuer, "certificateAuthority");
    // Whether a certificate is one is not looked at.
    if !authority.is_empty() && !authority.contains("-----BEGIN CERTIFICATE-----") {
        errors.invalid_text(
            &format!("{path}.certificateAuthority"),
            "<omitted>",
            "data does not contain any valid RSA or ECDSA certificates",
        );
    }
    let egress = text(issuer, "egressSelectorType");
    if !egress.is_empty() && !matches!(egress, "controlplane" | "cluster") {
        let detail = "egress selector must be either controlplane or cluster";
        errors.invalid_text(&format!("{path}.egressSelectorType"), egress, detail);
    }
}

/// That a field excludes another.
fn not_with(options: &Options, field: &str, other: &str) -> String {
    if options.since(AROUND) {
        format!("may not be specified when {other} is set")
    } else {
        format!("{field} can't be set when {other} is set")
    }
}

/// What an error says of a value that is required, beside that it is: only older releases do.
const fn required_detail(options: &Options, detail: &'static str) -> &'static str {
    if options.minor().0 < AROUND {
        detail
    } else {
        ""
    }
}

fn validate_url(address: &str, path: &str, errors: &mut FieldErrors) {
    let parsed = match url::parse(address) {
        Ok(parsed) => parsed,
        Err(error) => {
            errors.invalid_text(path, address, &error);
            return;
        }
    };
    if parsed.scheme != "https" {
        errors.invalid_text(path, address, "URL scheme must be https");
    }
    if parsed.has_user {
        errors.invalid_text(path, address, "URL must not contain a username or password");
    }
    if !parsed.query.is_empty() {
        errors.invalid_text(path, address, "URL must not contain a query");
    }
    if !parsed.fragment.is_empty() {
        errors.invalid_text(path, address, "URL must not contain a fragment");
    }
}

fn validate_audiences(options: &Options, issuer: &Node, path: &str, errors: &mut FieldErrors) {
    let audiences = texts(issuer, "audiences");
    let list_path = format!("{path}.audiences");
    if audiences.is_empty() {
        errors.required(&list_path, &format!("at least one {list_path} is required"));
        return;
    }
    if !options.since(SEVERAL) && audiences.len() > 1 {
        errors.too_many(&list_path, audiences.len(), 1);
        return;
    }
    for (index, audience) in audiences.iter().enumerate() {
        let path = format!("{list_path}[{index}]");
        if audience.is_empty() {
            let detail = if options.since(AROUND) {
                ""
            } else {
                "audience can't be empty"
            };
            errors.required(&path, detail);
        }
        if options.since(SEVERAL) && audiences.iter().take(index).any(|other| other == audience) {
            errors.duplicate(&path, audience);
        }
    }
    if !options.since(SEVERAL) {
        return;
    }
    let policy = text(issuer, "audienceMatchPolicy");
    let path = format!("{path}.audienceMatchPolicy");
    if audiences.len() > 1 && policy != "MatchAny" {
        let detail = "audienceMatchPolicy must be MatchAny for multiple audiences";
        errors.invalid_text(&path, policy, detail);
    }
    if audiences.len() == 1 && !matches!(policy, "" | "MatchAny") {
        let detail = "audienceMatchPolicy must be empty or MatchAny for single audience";
        errors.invalid_text(&path, policy, detail);
    }
}

fn validate_rules(options: &Options, rules: &[Node], path: &str, errors: &mut FieldErrors) {
    let mut claims: Vec<&str> = Vec::new();
    let mut expressions: Vec<&str> = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let (claim, expression) = (text(rule, "claim"), text(rule, "expression"));
        match (claim.is_empty(), expression.is_empty()) {
            (false, false) => {
                errors.invalid_text(&path, claim, "claim and expression can't both be set");
            }
            (true, true) => errors.required(&path, "claim or expression is required"),
            (false, true) => {
                let message = text(rule, "message");
                if !message.is_empty() {
                    let detail = not_with(options, "message", "claim");
                    errors.invalid_text(&format!("{path}.message"), message, &detail);
                }
                if claims.contains(&claim) {
                    errors.duplicate(&format!("{path}.claim"), claim);
                }
                claims.push(claim);
            }
            (true, false) => {
                let value = text(rule, "requiredValue");
                if !value.is_empty() {
                    let detail = not_with(options, "requiredValue", "expression");
                    errors.invalid_text(&format!("{path}.requiredValue"), value, &detail);
                }
                if expressions.contains(&expression) {
                    errors.duplicate(&format!("{path}.expression"), expression);
                }
                expressions.push(expression);
            }
        }
    }
}

/// `validatePrefixClaimOrExpression`.
fn validate_mapping(
    options: &Options,
    mapping: &Node,
    path: &str,
    is_required: bool,
    errors: &mut FieldErrors,
) {
    let (claim, expression) = (text(mapping, "claim"), text(mapping, "expression"));
    match (claim.is_empty(), expression.is_empty()) {
        (false, false) => errors.invalid_text(path, "", "claim and expression can't both be set"),
        (true, true) if is_required => errors.required(path, "claim or expression is required"),
        (true, true) => {}
        (true, false) => {
            if set(mapping, "prefix").is_some() {
                let prefix = text(mapping, "prefix");
                let detail = not_with(options, "prefix", "expression");
                errors.invalid_text(&format!("{path}.prefix"), prefix, &detail);
            }
        }
        (false, true) => {
            if set(mapping, "prefix").is_none() {
                let detail = "prefix is required when claim is set. It can be set to an empty string to disable prefixing";
                errors.required(&format!("{path}.prefix"), detail);
            }
        }
    }
}

fn validate_user_rules(options: &Options, rules: &[Node], path: &str, errors: &mut FieldErrors) {
    let mut seen: Vec<&str> = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("{path}.userValidationRules[{index}].expression");
        let expression = text(rule, "expression");
        if expression.is_empty() {
            errors.required(&path, required_detail(options, "expression is required"));
        } else if seen.contains(&expression) {
            errors.duplicate(&path, expression);
        }
        seen.push(expression);
    }
}

/// The issuer that `--oidc-*` describe, since 1.29.
fn issuer_of_flags(options: &Options) -> Option<Failure> {
    let issuer = options.text("oidc-issuer-url", "");
    if issuer.is_empty() || options.text("oidc-client-id", "").is_empty() || !options.since(29) {
        return None;
    }
    let mut errors = FieldErrors::default();
    validate_url(issuer, "jwt[0].issuer.url", &mut errors);
    if options.text("oidc-username-claim", "sub").is_empty() {
        let path = "jwt[0].claimMappings.username";
        errors.required(path, "claim or expression is required");
    }
    let message = around(options, &errors.message()?);
    Some(Failure {
        message,
        cause: Cause::Arguments(options.at(super::super::authentication::OIDC)),
        rests_on_names: false,
    })
}

/// What is found when the issuers are set up: that of service accounts is no other's.
pub(in super::super) fn overlap_failure(options: &Options, files: &Files<'_>) -> Option<Failure> {
    if !options.since(SEVERAL) {
        return None;
    }
    let mut own = options.list("service-account-issuer").unwrap_or_default();
    own.sort_unstable();
    own.dedup();
    let path = options.text(FLAG, "");
    let issuers: Vec<String> = if path.is_empty() {
        vec![options.text("oidc-issuer-url", "").to_owned()]
    } else {
        let FileState::Content(content) = files(path) else {
            return None;
        };
        let document =
            document::decode(options, &content, &document::kinds(options, false), true)?.ok()?;
        list(&document.root, "jwt")
            .iter()
            .filter_map(|entry| Some(text(entry.get("issuer")?, "url").to_owned()))
            .collect()
    };
    let issuer = issuers
        .into_iter()
        .find(|issuer| own.contains(&issuer.as_str()))?;
    let mut errors = FieldErrors::default();
    let detail = format!(
        "URL must not overlap with disallowed issuers: [{}]",
        own.join(" ")
    );
    errors.invalid_text("issuer.url", &issuer, &detail);
    let mut at = options.at(&["oidc-issuer-url", "service-account-issuer"]);
    at.extend(options.at(&[FLAG]));
    Some(Failure {
        message: errors.message()?,
        cause: Cause::Arguments(at),
        rests_on_names: false,
    })
}
