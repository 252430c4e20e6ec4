//! Configurations of the kubelet that are drawn: fields of all its types, with values that most of them do not take. The
//! seed is fixed, so that the recorded cases stay the same.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a generator of cases"
)]

use preflight_rke2::testing::kubernetes::Minor;
use preflight_rke2::testing::kubernetes::tables::{self, Form, Schema};

/// As YAML, in one line.
const VALUES: &[&str] = &[
    "~",
    "1",
    "0",
    "-1",
    "1.5",
    "1e2",
    "\"1\"",
    "\"0\"",
    "true",
    "\"true\"",
    "yes",
    "x",
    "\"\"",
    "[]",
    "[x]",
    "[1]",
    "[x, x]",
    "[\"\"]",
    "[[x]]",
    "{}",
    "{a: b}",
    "{a: 1}",
    "{a: ~}",
    "{a: {b: c}}",
    "10m",
    "-10m",
    "0s",
    "1d",
    "10Mi",
    "4Ki",
    "1.5Gi",
    "85",
    "100",
    "101",
    "2147483648",
    "99999999999",
    "0x10",
    "010",
    "1_000",
    "192.0.2.4",
    "fd00::1",
    "[192.0.2.4]",
    "10.0.0.0/8",
    "a/b",
    "/nonexistent/x",
    "2024-01-01",
    "!!str 5",
    "none",
    "static",
    "Static",
    "restricted",
    "pod",
    "systemd",
    "hairpin-veth",
    "Watch",
    "Webhook",
    "Memory",
    "LimitedSwap",
    "NeverVerify",
    "json",
    "text",
    "VersionTLS11",
    "[TLS_RSA_WITH_AES_128_CBC_SHA]",
    "{memory.available: 5%}",
    "{memory.available: 5Q}",
    "{nodefs.available: -5%}",
    "{cpu: 100m, memory: 1Gi}",
    "{cpu: -1}",
    "[pods]",
    "[none]",
    "[pods, system-reserved]",
    "[{numaNode: 0, limits: {memory: 1Gi}}]",
    "{NodeSwap: true}",
    "{NodeSwap: x}",
    "{NoGate: true}",
];

/// Numbers that look random (xorshift64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % count
    }
}

/// The paths of all fields, of all minors.
fn fields() -> Vec<String> {
    fn add(schema: Schema, above: &str, into: &mut Vec<String>) {
        for field in schema.fields() {
            let path = format!("{above}{}", field.name);
            let mut form = field.value.form();
            if let Form::Pointer(inner) = form {
                form = inner.form();
            }
            if let Form::Struct(inner) = form {
                add(inner, &format!("{path}."), into);
            }
            into.push(path);
        }
    }
    let mut all = Vec::new();
    for minor in (0..100).map(Minor).filter(|minor| tables::knows(*minor)) {
        let schema = tables::schema(
            minor,
            "kubelet.config.k8s.io/v1beta1",
            "KubeletConfiguration",
        );
        add(schema.unwrap(), "", &mut all);
    }
    // A directory of static pods is read after the start, forever.
    all.retain(|path| !matches!(&**path, "apiVersion" | "kind" | "staticPodPath"));
    all.sort();
    all.dedup();
    all
}

/// So many configurations, without their head: one field each, or two.
pub(crate) fn configurations(count: usize) -> Vec<String> {
    let fields = fields();
    let mut draw = Draw(20_261_129);
    let drawn = (0..count).map(|_| {
        let mut text = String::new();
        let mut tops: Vec<&str> = Vec::new();
        let several = draw.below(4) == 0;
        for _ in 0..=usize::from(several) {
            let path = &fields[draw.below(fields.len())];
            let value = VALUES[draw.below(VALUES.len())];
            let top = path.split('.').next().unwrap();
            if tops.contains(&top) {
                continue;
            }
            tops.push(top);
            let parts = path.split('.');
            let depth = parts.clone().count();
            for (level, name) in parts.enumerate() {
                let value = if level + 1 == depth {
                    format!(" {value}")
                } else {
                    String::new()
                };
                text.extend(["  ".repeat(level).as_str(), name, ":", &value, "\n"]);
            }
        }
        text
    });
    drawn.collect()
}
