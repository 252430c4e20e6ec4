//! The page of `audit --format html` in headless Chromium: what it shows, that it filters, with scripts and without, that it
//! asks for nothing, what a hostile report cannot do, and how it bears five thousand nodes.
//!
//! The browser is driven by its `DevTools` protocol over two pipes. Its screenshot is left in `target/audit-page`.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::report::audit::html;
use preflight_rke2::testing::rke2::role::Role;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::command::run;
use crate::node::{Care, Node};

/// A browser with one page.
struct Browser {
    child: Child,
    to: File,
    from: BufReader<File>,
    last: u64,
    session: Option<String>,
    /// Addresses that pages asked for.
    requests: Vec<String>,
    /// How many pages were loaded.
    loads: usize,
    dir: TempDir,
}

impl Browser {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [to, from] = ["to", "from"].map(|name| {
            let path = dir.path().join(name);
            let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
            nix::unistd::mkfifo(&path, mode).unwrap();
            path
        });
        let names = ["chromium", "google-chrome", "chromium-browser"];
        let found = names.into_iter().find(|name| {
            let mut probe = Command::new(name);
            probe
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        });
        let program = found
            .unwrap_or_else(|| panic!("no chromium and no google-chrome: tests/run installs one"));
        let script = "exec \"$0\" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
                      --disable-background-networking --window-size=1200,1600 --user-data-dir=\"$1/profile\" \
                      --remote-debugging-pipe 3<\"$1/to\" 4>\"$1/from\"";
        let child = Command::new("/bin/sh")
            .args(["-c", script, program])
            .arg(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = OpenOptions::new().write(true).open(to).unwrap();
        let from = BufReader::new(File::open(from).unwrap());
        let mut browser = Self {
            child,
            to,
            from,
            last: 0,
            session: None,
            requests: Vec::new(),
            loads: 0,
            dir,
        };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attached = browser.call(
            "Target.attachToTarget",
            &json!({"targetId": target["targetId"], "flatten": true}),
        );
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Network", "Runtime"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// One message of the browser.
    fn receive(&mut self) -> Json {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the browser ended");
        let message: Json = serde_json::from_slice(&bytes).unwrap();
        match message["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let url = message["params"]["request"]["url"].as_str().unwrap();
                self.requests.push(url.to_owned());
            }
            Some("Page.loadEventFired") => self.loads += 1,
            _ => {}
        }
        message
    }

    /// The result of a method.
    fn call(&mut self, method: &str, parameters: &Json) -> Json {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.to.write_all(message.to_string().as_bytes()).unwrap();
        self.to.write_all(&[0]).unwrap();
        loop {
            let answer = self.receive();
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// Opens a page, and waits until it is loaded.
    fn open(&mut self, text: &str) -> PathBuf {
        let path = self.dir.path().join("page.html");
        std::fs::write(&path, text).unwrap();
        let before = self.loads;
        let url = format!("file://{}", path.display());
        self.call("Page.navigate", &json!({"url": url}));
        while self.loads == before {
            self.receive();
        }
        path
    }

    /// The value of an expression on the page.
    fn value(&mut self, expression: &str) -> Json {
        let parameters = json!({"expression": expression, "returnByValue": true});
        let result = self.call("Runtime.evaluate", &parameters);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    /// How many elements of a selector are displayed.
    fn shown(&mut self, selector: &str) -> u64 {
        let of = json!(selector);
        self.value(&format!(
            "[...document.querySelectorAll({of})].filter(e => e.checkVisibility()).length"
        ))
        .as_u64()
        .unwrap()
    }

    /// Clicks with the mouse in the middle of an element.
    fn click(&mut self, selector: &str) {
        let of = json!(selector);
        let place = self.value(&format!(
            "(() => {{ const e = document.querySelector({of}); e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", &event);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The bytes that base64 stands for.
fn decode(text: &str) -> Vec<u8> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut out) = (0_u32, 0, Vec::new());
    for letter in text.trim_end_matches('=').chars() {
        bits = (bits << 6) | u32::try_from(LETTERS.find(letter).unwrap()).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    out
}

/// Where screenshots are kept.
fn keep(name: &str, picture: &[u8]) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/audit-page");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(name), picture).unwrap();
}

fn screenshot(browser: &mut Browser, name: &str) {
    let shot = browser.call("Page.captureScreenshot", &json!({"format": "png"}));
    let picture = decode(shot["data"].as_str().unwrap());
    assert!(
        picture.starts_with(b"\x89PNG") && picture.len() > 20_000,
        "{}",
        picture.len()
    );
    keep(name, &picture);
}

#[test]
fn the_page_is_read_and_filtered() {
    let node = Node::new(Benchmark::V1_12, Role::Server, Care::Permissive);
    let built = node.build();
    let page = run(&built, &node, &["--format", "html"]);
    assert_eq!(page.status, 3);
    let json: Json = serde_json::from_str(&run(&built, &node, &["--format", "json"]).out).unwrap();
    let count = |outcome: &str| {
        let controls = json["controls"].as_array().unwrap().iter();
        u64::try_from(
            controls
                .filter(|control| control["outcome"] == outcome)
                .count(),
        )
        .unwrap()
    };
    let mut browser = Browser::start();
    for scripts in [true, false] {
        let off = json!({"value": !scripts});
        browser.call("Emulation.setScriptExecutionDisabled", &off);
        browser.open(&page.out);
        for (outcome, is_shown) in [
            ("fail", true),
            ("warn", true),
            ("manual", true),
            ("pass", false),
            ("not-applicable", false),
        ] {
            let selector = format!("main li.{outcome}");
            let all = count(outcome);
            assert!(all > 0, "{outcome}");
            let expected = |is_shown: bool| if is_shown { all } else { 0 };
            assert_eq!(
                browser.shown(&selector),
                expected(is_shown),
                "{outcome} {scripts}"
            );
            browser.click(&format!("label.{outcome}"));
            assert_eq!(
                browser.shown(&selector),
                expected(!is_shown),
                "{outcome} {scripts}"
            );
            browser.click(&format!("label.{outcome}"));
            assert_eq!(
                browser.shown(&selector),
                expected(is_shown),
                "{outcome} {scripts}"
            );
        }
        // Evidence and remedy are folded.
        assert_eq!(browser.shown("main .cures pre"), 0);
        browser.click("main .cures summary");
        assert_eq!(browser.shown("main .cures pre"), 1);
        // Searching takes the script, and is not offered without.
        assert_eq!(browser.shown("#search"), u64::from(scripts));
    }
    browser.call(
        "Emulation.setScriptExecutionDisabled",
        &json!({"value": false}),
    );
    browser.open(&page.out);
    screenshot(&mut browser, "node.png");
    browser.value(
        "(() => { const s = document.getElementById('search'); s.value = 'anonymous'; \
         s.dispatchEvent(new Event('input')); })()",
    );
    let found = browser.shown("main li.fail");
    assert!(found > 0 && found < count("fail"), "{found}");
    browser.open(&page.out);
    let printed = browser.call("Page.printToPDF", &json!({}));
    let printed = decode(printed["data"].as_str().unwrap());
    assert!(printed.starts_with(b"%PDF"));
    keep("node.pdf", &printed);
    let foreign = browser
        .requests
        .iter()
        .filter(|url| !url.starts_with("file://"));
    assert_eq!(foreign.count(), 0, "{:?}", browser.requests);
    assert!(
        browser
            .requests
            .iter()
            .all(|url| url.ends_with("/page.html")),
        "{:?}",
        browser.requests
    );
}

/// The same document with every text of the host's replaced.
fn spoiled(value: &Json, text: &str) -> Json {
    match value {
        Json::String(_) => text.into(),
        Json::Array(items) => items.iter().map(|item| spoiled(item, text)).collect(),
        Json::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let is_word = ["schema", "outcome", "evidence"].contains(&name.as_str());
                let value = if is_word {
                    value.clone()
                } else {
                    spoiled(value, text)
                };
                (name.clone(), value)
            });
            Json::Object(fields.collect())
        }
        other => other.clone(),
    }
}

/// Reports come from other machines: nothing in one leaves its place.
#[test]
fn a_hostile_report_is_text() {
    let node = Node::new(Benchmark::V1_12, Role::Server, Care::Permissive);
    let built = node.build();
    let json: Json = serde_json::from_str(&run(&built, &node, &["--format", "json"]).out).unwrap();
    let mut browser = Browser::start();
    for text in [
        "</style></script></pre></title><script>window.hit = 1</script>",
        "\"'><img src=x onerror=\"window.hit=1\"><a href=\"javascript:window.hit=1\">x</a>",
        "<!--<svg onload=window.hit=1>\u{0}\u{202e}\u{1b}[31m",
    ] {
        let document = spoiled(&json, text).to_string();
        let report = html::read(document.as_bytes()).unwrap();
        browser.open(&html::render(&[report]));
        assert_eq!(browser.value("typeof window.hit"), "undefined", "{text}");
        for (selector, count) in [
            ("script", 1),
            ("style", 1),
            ("img, svg, a, iframe, link", 0),
        ] {
            let found = browser.value(&format!("document.querySelectorAll('{selector}').length"));
            assert_eq!(found, count, "{selector} {text}");
        }
    }
    let foreign = browser
        .requests
        .iter()
        .filter(|url| !url.ends_with("/page.html"));
    assert_eq!(foreign.count(), 0, "{:?}", browser.requests);
}

/// Five thousand nodes on one page: their equal results are one row, and each has two of its own.
#[test]
fn a_fleet_is_one_page() {
    const NODES: usize = 5000;
    let node = Node::new(Benchmark::V1_12, Role::Server, Care::Guide);
    let built = node.build();
    let mut json: Json =
        serde_json::from_str(&run(&built, &node, &["--format", "json"]).out).unwrap();
    let controls = json["controls"].as_array().unwrap();
    let own: Vec<usize> = (0..controls.len())
        .filter(|at| controls[*at]["outcome"] == "warn")
        .take(2)
        .collect();
    let total = controls.len() * NODES;
    let reports: Vec<html::Report> = (0..NODES)
        .map(|number| {
            json["node"] = format!("node-{number:04}.example.org").into();
            for at in &own {
                json["controls"][*at]["summary"] = format!("/var/lib/x/{number} is wrong").into();
            }
            html::read(json.to_string().as_bytes()).unwrap()
        })
        .collect();
    let page = html::render(&reports);
    let mut browser = Browser::start();
    let started = Instant::now();
    browser.open(&page);
    let loaded = started.elapsed();
    let count = |browser: &mut Browser, selector: &str| {
        let found = browser.value(&format!("document.querySelectorAll('{selector}').length"));
        usize::try_from(found.as_u64().unwrap()).unwrap()
    };
    let rows = count(&mut browser, "main li");
    let variants = count(&mut browser, "main .variant");
    assert!(rows < 200 && variants >= 2 * NODES, "{rows} {variants}");
    let counted = browser.value(
        "[...document.querySelectorAll('.filters b')].reduce((sum, e) => sum + Number(e.textContent), 0)",
    );
    assert_eq!(counted, total);
    let started = Instant::now();
    let all = browser.shown("main li.warn");
    browser.click("label.warn");
    assert_eq!(browser.shown("main li.warn"), 0);
    browser.click("label.warn");
    assert_eq!(browser.shown("main li.warn"), all);
    browser.value(
        "(() => { const s = document.getElementById('search'); s.value = 'node-4711'; \
         s.dispatchEvent(new Event('input')); })()",
    );
    let of_one = browser.shown("main li.warn");
    let filtered = started.elapsed();
    assert_eq!(of_one, 2);
    screenshot(&mut browser, "fleet.png");
    let figures = format!(
        "{} bytes, {rows} rows with {variants} variants of {total} results: loaded in {loaded:?}, filtered three times in {filtered:?}\n",
        page.len()
    );
    keep("fleet.txt", figures.as_bytes());
    // Far above what a busy machine takes: a page that takes longer cannot be used.
    assert!(
        loaded.as_secs() < 60 && filtered.as_secs() < 60,
        "{loaded:?} {filtered:?}"
    );
}
