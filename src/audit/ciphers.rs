//! Which TLS suites each benchmark takes for strong: data of Rancher's security-scan (38bebe7).

use super::benchmark::Benchmark;

/// A suite, and the newest benchmark that lists it.
pub(crate) type Suite = (&'static str, Benchmark);

use Benchmark::{V1_9, V1_11, V2_0};

/// Suites for the API server.
pub(crate) const API_SERVER: &[Suite] = &[
    ("TLS_AES_128_GCM_SHA256", V2_0),
    ("TLS_AES_256_GCM_SHA384", V2_0),
    ("TLS_CHACHA20_POLY1305_SHA256", V2_0),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", V1_11),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", V2_0),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", V1_11),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", V2_0),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", V2_0),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", V2_0),
    ("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", V1_9),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", V1_11),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", V2_0),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", V2_0),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", V2_0),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", V2_0),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", V2_0),
    ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", V1_9),
    ("TLS_RSA_WITH_AES_128_CBC_SHA", V1_9),
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", V2_0),
    ("TLS_RSA_WITH_AES_256_CBC_SHA", V1_9),
    ("TLS_RSA_WITH_AES_256_GCM_SHA384", V2_0),
];

/// Suites for the kubelet.
pub(crate) const KUBELET: &[Suite] = &[
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", V2_0),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", V2_0),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", V2_0),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", V2_0),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", V2_0),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", V2_0),
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", V1_11),
    ("TLS_RSA_WITH_AES_256_GCM_SHA384", V1_11),
];

/// Suites that every benchmark lists, for the API server and for the kubelet.
pub(crate) const SUGGESTED: &str = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,\
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,\
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";

/// Those of `suites` that `benchmark` lists.
pub(crate) fn listed(
    suites: &'static [Suite],
    benchmark: Benchmark,
) -> impl Iterator<Item = &'static str> {
    let of = move |(name, last): &Suite| (benchmark <= *last).then_some(*name);
    suites.iter().filter_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_each_benchmark_lists() {
        for benchmark in Benchmark::ALL {
            let (server, kubelet) = match benchmark {
                Benchmark::V1_12 | Benchmark::V2_0 => (14, 6),
                Benchmark::V1_10 | Benchmark::V1_11 => (17, 8),
                _ => (21, 8),
            };
            assert_eq!(listed(API_SERVER, benchmark).count(), server, "{benchmark}");
            assert_eq!(listed(KUBELET, benchmark).count(), kubelet, "{benchmark}");
            for suites in [API_SERVER, KUBELET] {
                let known: Vec<&str> = listed(suites, benchmark).collect();
                assert!(SUGGESTED.split(',').all(|name| known.contains(&name)));
            }
        }
    }
}
