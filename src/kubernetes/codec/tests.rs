use super::*;

const MINOR: Minor = Minor(37);
const SCHEME: Scheme<'_> = Scheme {
    name: "scheme.go:1",
    kinds: &[("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration")],
};
const HEAD: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

fn words(text: &str) -> String {
    match decode(MINOR, text.as_bytes(), 0, SCHEME, Strictness::Strict) {
        Ok(decoded) => decoded.value.to_json().to_string(),
        Err(error) => error.words().to_owned(),
    }
}

#[test]
fn a_file_names_its_version_and_kind() {
    for (text, expected) in [
        ("", "Object 'Kind' is missing in ''"),
        ("kind: X", "Object 'apiVersion' is missing in 'kind: X'"),
        (
            "apiVersion: v1",
            "Object 'Kind' is missing in 'apiVersion: v1'",
        ),
        (
            "apiVersion: a/\nkind: X",
            "Object 'apiVersion' is missing in 'apiVersion: a/\nkind: X'",
        ),
        (
            "apiVersion: a/b/c\nkind: X",
            "unexpected GroupVersion string: a/b/c",
        ),
        (
            "apiVersion: v1\nkind: X",
            "no kind \"X\" is registered for version \"v1\" in scheme \"scheme.go:1\"",
        ),
        (
            "kind: 5",
            "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string",
        ),
        (
            "- a",
            "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }",
        ),
        (
            "{\"kind\": }",
            "couldn't get version/kind; json parse error: invalid character '}' looking for beginning of value",
        ),
        ("a: [", "yaml: line 1: did not find expected node content"),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn fields_are_decoded_by_their_types() {
    for (text, expected) in [
        (
            "maxPods: 5",
            "{\"apiVersion\":\"kubelet.config.k8s.io/v1beta1\",\"kind\":\"KubeletConfiguration\",\"maxPods\":5}",
        ),
        (
            "maxPods: '5'",
            "json: cannot unmarshal string into Go struct field KubeletConfiguration.maxPods of type int32",
        ),
        (
            "maxPods: 5.5",
            "json: cannot unmarshal number 5.5 into Go struct field KubeletConfiguration.maxPods of type int32",
        ),
        (
            "maxPods: 3000000000",
            "json: cannot unmarshal number 3000000000 into Go struct field KubeletConfiguration.maxPods of type int32",
        ),
        (
            "maxpods: 5",
            "strict decoding error: unknown field \"maxpods\"",
        ),
        (
            "zz: 1\naa: 2\nauthentication: {x: 1}",
            "strict decoding error: unknown field \"aa\", unknown field \"authentication.x\", unknown field \"zz\"",
        ),
        (
            "maxPods: 1\nmaxPods: 2",
            "strict decoding error: yaml: unmarshal errors:\n  line 4: key \"maxPods\" already set in map",
        ),
        (
            "syncFrequency: 5",
            "json: cannot unmarshal number into Go struct field KubeletConfiguration.syncFrequency of type string",
        ),
        (
            "syncFrequency: 5d",
            "time: unknown unit \"d\" in duration \"5d\"",
        ),
        ("syncFrequency:", "time: invalid duration \"\""),
        (
            "authentication: {anonymous: {enabled: 'no'}}",
            "json: cannot unmarshal string into Go struct field KubeletAnonymousAuthentication.authentication.anonymous.enabled of type bool",
        ),
        (
            "authentication: 5",
            "json: cannot unmarshal number into Go struct field KubeletConfiguration.authentication of type v1beta1.KubeletAuthentication",
        ),
        (
            "clusterDNS: 10.43.0.10",
            "json: cannot unmarshal string into Go struct field KubeletConfiguration.clusterDNS of type []string",
        ),
        (
            "evictionHard: [a]",
            "json: cannot unmarshal array into Go struct field KubeletConfiguration.evictionHard of type map[string]string",
        ),
        // The first of a wrong type counts, but for an error of a type's own decoder.
        (
            "maxPods: '5'\nsyncFrequency: x",
            "time: invalid duration \"x\"",
        ),
    ] {
        assert_eq!(words(&format!("{HEAD}{text}")), expected, "{text}");
    }
}
