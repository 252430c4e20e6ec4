//! What Debian's and RPM's own checkers say: nothing, but for what is explained in
//! packaging/deb/lintian-overrides and packaging/rpm/rpmlint.toml.

use crate::tools::{PACKAGES, answer, built, repository};

#[test]
fn lintian_has_nothing_to_say() {
    for package in PACKAGES {
        lintian(package);
    }
}

fn lintian(package: &str) {
    // Whether bytes of the program resemble a misspelt word differs by build.
    let output = answer(
        "lintian --allow-root --no-cfg --display-info --pedantic --suppress-tags spelling-error-in-binary \"$1\"",
        &[&built(&format!("{package}.deb"))],
    );
    let said = String::from_utf8_lossy(&output.stdout);
    let hints: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("N:"))
        .collect();
    assert!(output.status.success() && hints.is_empty(), "{said}");
}

#[test]
fn rpmlint_has_nothing_to_say() {
    for package in PACKAGES {
        rpmlint(package);
    }
}

fn rpmlint(package: &str) {
    let output = answer(
        "dir=$(mktemp -d); trap 'rm -r \"$dir\"' EXIT
        cp \"$1\" \"$dir/$(rpm --query --package \"$1\").rpm\"
        rpmlint --config packaging/rpm/rpmlint.toml \"$dir\"/*.rpm \"$2\"",
        &[
            &built(&format!("{package}.rpm")),
            &repository().join(format!("packaging/rpm/{package}.spec")),
        ],
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains(" 0 errors, 0 warnings"),
        "{said}"
    );
}
