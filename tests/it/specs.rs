//! The specs of `specs/`: each is valid, planned, applied and destroyed.

use std::path::{Path, PathBuf};

use cachectl_sandbox::Options;

use crate::harness::Ran;
use crate::rig::{QUICK, Rig};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("specs")
}

fn run(rig: &Rig, arguments: &[&str]) -> Ran {
    let mut command = rig.command(arguments);
    // Whatever an example takes from the environment.
    command.env("SHOP_PASSWORD", "a-password-of-the-shop-1").env("REPORTS_PASSWORD", "a-password-of-the-reports-1");
    Ran::of(&mut command)
}

/// From nothing to nothing, in one environment.
fn lives(name: &str, environments: &[&str]) {
    let text = std::fs::read_to_string(folder().join(name)).expect(name);
    let about =
        text.lines().filter(|line| !line.starts_with("# yaml-language-server")).find(|line| line.starts_with('#'));
    let says_when = about.is_some_and(|line| line.starts_with("# Take this one "));
    assert!(says_when, "{name} does not say when to take it");
    let begun = || Rig::with(&text, Options { time_scale: QUICK, ..Options::default() });
    let mut rig = begun();
    let with = |rig: &Rig, arguments: &[&str], environment: &str| {
        let mut arguments = arguments.to_vec();
        if !environment.is_empty() {
            arguments.extend(["-e", environment]);
        }
        run(rig, &arguments)
    };
    // Stacks that name their caches alike are of accounts of their own; an upgrade goes on from what is there.
    let apart = text.contains("stack: shop-staging");
    for environment in environments {
        if apart {
            rig = begun();
        }
        with(&rig, &["validate"], environment).exits(0);
        with(&rig, &["plan", "--detailed-exitcode"], environment).exits(2);
        with(&rig, &["apply", "--yes", "--no-smoke"], environment).exits(0);
        with(&rig, &["plan", "--detailed-exitcode"], environment).exits(0).says("No changes.");
        if apart || Some(environment) == environments.last() {
            with(&rig, &["destroy", "--yes", "--allow", "delete:*"], environment).exits(0);
        }
    }
}

macro_rules! specs {
    ($($test:ident: $name:literal, $environments:expr;)*) => {
        $(#[test]
        fn $test() {
            lives($name, &$environments);
        })*

        #[test]
        fn every_spec_of_the_folder_is_tested() {
            let tested = [$($name),*];
            for entry in std::fs::read_dir(folder()).expect("specs") {
                let name = entry.expect("a spec").file_name().into_string().expect("a name");
                assert!(tested.contains(&name.as_str()) || !name.ends_with(".yaml"), "{name} is not tested");
            }
        }
    };
}

specs! {
    the_articles_caches_live_and_go: "article.yaml", [""];
    the_smallest_cache_lives_and_goes: "minimal.yaml", [""];
    shards_live_and_go: "cluster-mode.yaml", [""];
    a_serverless_cache_lives_and_goes: "serverless.yaml", [""];
    users_with_their_own_keys_live_and_go: "rbac.yaml", [""];
    redis_moves_to_valkey_in_place: "redis-to-valkey.yaml", ["", "valkey"];
    staging_and_production_live_and_go: "environments.yaml", ["staging", "prod"];
    a_watched_cache_lives_and_goes: "monitoring.yaml", [""];
    a_drilled_cache_lives_and_goes: "drill.yaml", [""];
}
