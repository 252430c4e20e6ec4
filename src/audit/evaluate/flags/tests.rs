//! Rules against command lines.

use super::*;
use crate::audit::flags::{ComponentArg, given};

fn holds(rule: Rule, line: &[&str]) -> bool {
    let words: Vec<ComponentArg> = line
        .iter()
        .map(|text| ComponentArg {
            text: (*text).to_owned(),
            source: Source::file("/m"),
        })
        .collect();
    judge(rule, &given(&words), Benchmark::V1_12).holds
}

const LIST: &str = "enable-admission-plugins";

/// A rule, a command line, whether they go together.
#[rustfmt::skip]
const CASES: &[(Rule, &[&str], bool)] = &[
    (Rule::Off("profiling"), &["--profiling=false"], true),
    (Rule::Off("profiling"), &["--profiling=F"], true),
    (Rule::Off("profiling"), &["--profiling=falsey"], false),
    (Rule::Off("profiling"), &["--profiling"], false),
    (Rule::Off("profiling"), &["--profiling=false", "--profiling"], false),
    (Rule::Off("profiling"), &["--no-profiling=false"], false),
    (Rule::Off("profiling"), &[], false),
    (Rule::On("x"), &["--x=1"], true),
    (Rule::On("x"), &[], false),
    (Rule::OnOrUnset("x"), &[], true),
    (Rule::OnOrUnset("x"), &["--x=false"], false),
    (Rule::Unset("token-auth-file"), &["--token-auth-file=/x"], false),
    (Rule::Unset("token-auth-file"), &["--token-auth-file-x=/x"], true),
    (Rule::Set(&["a", "b"]), &["--a=1", "--b=2"], true),
    (Rule::Set(&["a", "b"]), &["--a=1", "--b="], false),
    (Rule::Set(&["a"]), &["--a"], false),
    (Rule::Has(LIST, "NodeRestriction"), &["--enable-admission-plugins=A,NodeRestriction"], true),
    (Rule::Has(LIST, "NodeRestriction"), &["--enable-admission-plugins=NodeRestrictionX"], false),
    (Rule::Has(LIST, "A"), &["--enable-admission-plugins=A", "--enable-admission-plugins=B"], true),
    (Rule::Lacks(LIST, "AlwaysAdmit"), &["--enable-admission-plugins=AlwaysAdmitNot"], true),
    (Rule::Lacks(LIST, "AlwaysAdmit"), &["--enable-admission-plugins=B,AlwaysAdmit"], false),
    (Rule::HasOneOf(LIST, &["A", "B"]), &["--enable-admission-plugins=B"], true),
    (Rule::AtLeast("n", 30), &["--n=30"], true),
    (Rule::AtLeast("n", 30), &["--n=0x1e"], true),
    (Rule::AtLeast("n", 30), &["--n=29"], false),
    (Rule::AtLeast("n", 30), &["--n=300d"], false),
    (Rule::Zero("n"), &["--n=0"], true),
    (Rule::Zero("n"), &["--n=10"], false),
    (Rule::PositiveOrUnset("n"), &["--n=0"], false),
    (Rule::DurationOrUnset("n"), &["--n=0s"], false),
    (Rule::DurationOrUnset("n"), &["--n=60"], false),
    (Rule::DurationOrUnset("n"), &["--n=300s"], true),
    (Rule::Loopback("b"), &["--b=127.0.0.1"], true),
    (Rule::Loopback("b"), &["--b=::1"], true),
    (Rule::Loopback("b"), &["--b=127.0.0.1.example"], false),
    (Rule::Loopback("b"), &["--b=0.0.0.0"], false),
    (Rule::LoopbackOrUnset("b"), &["--b=127.0.0.1:10249"], true),
    (Rule::LoopbackOrUnset("b"), &["--b=[::1]:10249"], true),
    (Rule::LoopbackOrUnset("b"), &["--b=0.0.0.0:10249"], false),
    (Rule::LoopbackOrUnset("b"), &["--b=1.127.0.0:1"], false),
    (Rule::GateNotOff("G"), &["--feature-gates=XG=false"], true),
    (Rule::GateNotOff("G"), &["--feature-gates=G=true,G=false"], false),
    (Rule::Ciphers(ciphers::API_SERVER), &["--tls-cipher-suites=TLS_AES_128_GCM_SHA256"], true),
    (Rule::Ciphers(ciphers::API_SERVER), &["--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA"], false),
    (Rule::Ciphers(ciphers::API_SERVER), &["--tls-cipher-suites="], false),
    (Rule::Ciphers(ciphers::API_SERVER), &[], false),
];

#[test]
fn each_rule_takes_what_the_component_takes() {
    for (rule, line, expected) in CASES {
        assert_eq!(holds(*rule, line), *expected, "{rule:?} {line:?}");
    }
}
