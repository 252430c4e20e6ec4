//! Properties of any set of files.

use super::*;
use proptest::prelude::*;

#[test]
fn ten_thousand_files_and_a_hostile_line_are_fast() {
    let mut tree = Tree::default();
    for index in 0..10_000 {
        let text = "kernel.pan* = 1\nkernel.panic = 2\nvm.swappiness = 3\n";
        tree.add(
            SearchDirectory::Etc,
            File::new(&format!("/etc/sysctl.d/{index}.conf"), text),
        );
    }
    let stars = "*a".repeat(100_000);
    tree.add(
        SearchDirectory::Etc,
        File::new(
            "/etc/sysctl.d/hostile.conf",
            format!("kernel.{stars}=1\n{}=1\n", "{a,b*}".repeat(50_000)),
        ),
    );
    let found = resolve(&tree, &KEYS, Dialect::NEWEST);
    assert_eq!(found.keys[2].value(), Some(2));
    assert_eq!(found.keys[2].overrides.len(), 19_999);
}

fn any_line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "kernel.panic",
        "kernel/panic",
        "kernel.pan*",
        "kernel.*",
        "vm.panic_on_oom",
        "vm/*",
        "kernel.keys.root_maxkeys",
        "*/panic*",
        "nothing",
    ]);
    let value = prop::sample::select(vec!["=1", "=2", " = 010", "=junk", "", "="]);
    (prop::bool::weighted(0.2), key, value)
        .prop_map(|(minus, key, value)| format!("{}{key}{value}\n", if minus { "-" } else { "" }))
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let name = prop::sample::select(vec![
        "10-a.conf",
        "60-b.conf",
        "9.conf",
        "60-rke2-cis.conf",
        "no",
    ]);
    let file = (0..4_usize, name, prop::collection::vec(any_line(), 0..5));
    prop::collection::vec(file, 0..6).prop_map(|files| {
        let mut tree = Tree::default();
        let mut seen = Vec::new();
        for (place, name, lines) in files {
            let place = SearchDirectory::ALL[place];
            if !seen.contains(&(place, name)) {
                seen.push((place, name));
                let path = format!("{}/{name}", place.path());
                tree.add(place, File::new(&path, lines.concat()));
            }
        }
        tree
    })
}

fn values(tree: &Tree) -> Vec<Option<i32>> {
    let found = resolve(tree, &KEYS, Dialect::NEWEST);
    found.keys.iter().map(KeyResolution::value).collect()
}

proptest! {
    #[test]
    fn a_last_line_that_names_the_key_wins(mut tree in any_tree(), value in 0..3_i32) {
        let line = format!("vm.panic_on_oom = {value}\n");
        tree.add(SearchDirectory::UsrLib, File::new("/usr/lib/sysctl.d/zz.conf", line));
        prop_assert_eq!(values(&tree)[1], Some(value));
    }

    #[test]
    fn an_unrelated_file_changes_nothing(tree in any_tree(), name in "[a-z0-9]{1,4}x\\.conf") {
        let mut more = tree.clone();
        more.add(SearchDirectory::Etc, File::new(&format!("/etc/sysctl.d/{name}"), "# nothing\nvm.swappiness=1\n"));
        let keys = |tree| resolve(tree, &KEYS, Dialect::NEWEST).keys;
        prop_assert_eq!(keys(&tree), keys(&more));
    }

    #[test]
    fn spelling_changes_nothing(tree in any_tree()) {
        let mut respelt = tree.clone();
        for file in respelt.directories.iter_mut().flat_map(|dir| &mut dir.files) {
            let text = String::from_utf8(file.bytes().to_vec()).unwrap();
            let text = text.replace("kernel.panic", "/kernel//panic/").replace("vm.", "..vm..");
            file.content = Content::Bytes(text.into_bytes());
        }
        prop_assert_eq!(values(&tree), values(&respelt));
    }

    #[test]
    fn the_winner_is_not_overridden_and_the_result_is_stable(tree in any_tree()) {
        let once = resolve(&tree, &KEYS, Dialect::NEWEST);
        for next in &once.keys {
            if let Some(set) = &next.set {
                prop_assert!(!set.outcome.is_refused());
                prop_assert!(next.overrides.iter().all(|over| over.assignment.line != set.line));
            }
        }
        prop_assert_eq!(&once, &resolve(&tree, &KEYS, Dialect::NEWEST));
    }

    #[test]
    fn a_winning_name_wins(mut tree in any_tree()) {
        let wanted: Vec<_> = KEYS.iter().map(|key| (*key, 1)).collect();
        let place = winning_name(&tree, &wanted, Dialect::NEWEST).unwrap();
        let lines: String = KEYS.iter().flat_map(|key| [key, "=1\n"]).collect();
        let etc = tree.directories.iter_mut().find(|dir| dir.location == SearchDirectory::Etc);
        let old = etc.and_then(|dir| dir.files.iter_mut().find(|file| file.name == place.name.as_bytes()));
        prop_assert_eq!(old.is_some(), place.exists);
        match old {
            Some(file) => file.content = Content::Bytes([file.bytes(), lines.as_bytes()].concat()),
            None => tree.add(SearchDirectory::Etc, File::new(&format!("/etc/sysctl.d/{}", place.name), lines)),
        }
        prop_assert_eq!(values(&tree), vec![Some(1); KEYS.len()]);
    }

    #[test]
    fn any_bytes_have_a_result(content in prop::collection::vec(any::<u8>(), 0..300), systemd in 230..260_u16) {
        let mut tree = Tree::default();
        tree.add(SearchDirectory::Etc, File::new("/etc/sysctl.d/a.conf", content.clone()));
        tree.sysctl_conf = Some(File::new("/etc/sysctl.conf", content.clone()));
        tree.tuned = Some(Tuned {
            profiles: vec![File::new("/etc/tuned/x/tuned.conf", content.clone())],
            reapply: true,
        });
        tree.command_line = Some(content);
        let found = resolve(&tree, &KEYS, Dialect::of(systemd));
        prop_assert_eq!(found.keys.len(), KEYS.len());
    }
}
