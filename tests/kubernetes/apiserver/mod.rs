//! The API server: recorded cases, replayed, and asked anew.

mod arguments;
mod case;
mod files;
mod record;

use case::Case;

/// All cases, with what is recorded of them.
fn cases() -> Vec<Case> {
    let recorded = case::recorded();
    let mut cases = arguments::cases();
    cases.extend(files::cases());
    for case in &mut cases {
        if let Some(known) = recorded.iter().find(|known| {
            known.name == case.name
                && known.base == case.base
                && known.args == case.args
                && known.files == case.files
        }) {
            case.expect.clone_from(&known.expect);
        }
    }
    cases
}

#[test]
fn cases_have_names_of_their_own() {
    let mut names: Vec<String> = cases().into_iter().map(|case| case.name).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count >= 260, "{count} cases");
}

/// Asks the API servers of the minors in `RECORD`, separated by blanks, and writes what they do. With `ONLY=new`
/// the cases that a minor was not asked yet, with `SHARE=3` every third case.
#[test]
#[ignore = "writes the recordings: tests/kubernetes/record runs it"]
fn record() {
    let minors = std::env::var("RECORD").expect("RECORD=\"1.37 …\"");
    let new = std::env::var("ONLY").is_ok_and(|only| only == "new");
    let share: usize = std::env::var("SHARE").map_or(1, |share| share.parse().unwrap());
    let lab = record::Lab::start();
    let mut cases = cases();
    for minor in minors.split_whitespace() {
        let asked: Vec<usize> = (0..cases.len())
            .filter(|index| index % share == 0)
            .filter(|index| !new || !cases[*index].expect.contains_key(minor))
            .collect();
        let subset: Vec<Case> = asked.iter().map(|index| cases[*index].clone()).collect();
        for (index, answer) in asked.into_iter().zip(lab.ask(minor, &subset)) {
            match answer {
                Some(answer) => {
                    cases[index].expect.insert(minor.to_owned(), answer);
                }
                None => {
                    cases[index].expect.remove(minor);
                }
            }
        }
        case::write(&cases);
    }
}
