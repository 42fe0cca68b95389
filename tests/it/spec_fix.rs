//! `validate --fix`: certain remedies are written, comments are kept, and nothing else is touched.

use crate::harness::{World, path};

const FAULTY: &str = "# The shop's cache.\napiVersion: cachectl/v1\nstack: shop\nregion: us-east-1\n\nreplicationGroups:\n  cache:   # carts\n    description: Carts\n    engine: Valkey\n    engineVersion: 7.2   # a number\n    cacheNodeTyp: cache.t4g.small\n    numCacheClusters: 2\n    multiAZEnabled: \"true\"\n    automaticFailoverEnabled: yes\n";

const FIXED: &str = "# The shop's cache.\napiVersion: cachectl/v1\nstack: shop\nregion: us-east-1\n\nreplicationGroups:\n  cache:   # carts\n    description: Carts\n    engine: valkey\n    engineVersion: \"7.2\"   # a number\n    cacheNodeType: cache.t4g.small\n    numCacheClusters: 2\n    multiAZEnabled: true\n    automaticFailoverEnabled: true\n";

#[test]
fn the_certain_remedies_are_written_with_every_comment_kept_and_the_spec_is_valid_then() {
    let world = World::new();
    let spec = world.spec("shop.yaml", FAULTY);
    world.run(&["validate", path(&spec)]).exits(78);
    assert_eq!(std::fs::read_to_string(&spec).unwrap(), FAULTY, "without --fix nothing is written");
    let ran = world.run(&["validate", path(&spec), "--fix"]).exits(0).says("cacheNodeTyp -> cacheNodeType");
    assert_eq!(std::fs::read_to_string(&spec).unwrap(), FIXED, "{}", ran.stderr);
    assert!(ran.stderr.contains("shop.yaml:10"), "{}", ran.stderr);
    let again = world.run(&["validate", path(&spec), "--fix"]).exits(0);
    assert!(!again.stderr.contains("fixed"), "{}", again.stderr);
    let left: Vec<_> = std::fs::read_dir(world.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["shop.yaml"], "nothing is left beside it");
}

#[test]
fn what_no_remedy_is_certain_for_stays_and_is_told() {
    let world = World::new();
    let text = FAULTY
        .replace("description: Carts", "description: [1]")
        .replace("shop\n", "shop\nvars: {engine: valky}\n")
        .replace("engine: Valkey", "engine: ${var.engine}");
    let spec = world.spec("shop.yaml", &text);
    world.run(&["validate", path(&spec), "--fix"]).exits(78).says("description");
    let now = std::fs::read_to_string(&spec).unwrap();
    assert!(now.contains("engine: ${var.engine}") && now.contains("description: [1]"), "{now}");
    assert!(now.contains("engineVersion: \"7.2\"   # a number"), "{now}");
}

#[test]
#[cfg(unix)]
fn a_symbolic_link_and_standard_input_are_never_written() {
    let world = World::new();
    let real = world.spec("real.yaml", FAULTY);
    let link = world.dir.path().join("link.yaml");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    world.run(&["validate", path(&link), "--fix"]).exits(64).says("symbolic link");
    assert_eq!(std::fs::read_to_string(&real).unwrap(), FAULTY);
}

#[test]
#[cfg(unix)]
fn the_mode_of_the_file_stays() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let spec = world.spec("shop.yaml", FAULTY);
    std::fs::set_permissions(&spec, std::fs::Permissions::from_mode(0o640)).unwrap();
    world.run(&["validate", path(&spec), "--fix"]).exits(0);
    assert_eq!(std::fs::metadata(&spec).unwrap().permissions().mode() & 0o777, 0o640);
}
