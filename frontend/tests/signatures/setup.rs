//! A registry with signed images, and the binary that is asked about them.

use std::time::{SystemTime, UNIX_EPOCH};

use policy_signing::{Named, Registry, World};
use serde_json::Value;

use crate::harness::{Finished, Place};

/// The workflow that signs, as certificates name it.
pub(crate) const WORKFLOW: &str =
    "https://github.com/world/builder/.github/workflows/build.yml@refs/heads/main";

/// Images in a registry, and a folder with what verifies them.
pub(crate) struct Setup {
    pub(crate) world: World,
    pub(crate) place: Place,
    registry: String,
}

impl Setup {
    /// The named images in a registry in memory that lists referrers.
    pub(crate) fn of(names: &[&str]) -> Self {
        let registry = Registry::start(true).expect("a registry");
        Self::at(registry.address(), names)
    }

    /// The named images in the registry `HOST:PORT`.
    pub(crate) fn at(registry: &str, names: &[&str]) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let mut world = World::new(registry.as_bytes(), now - 60);
        for name in names {
            let named = world.image(name).unwrap_or_else(|| panic!("no image {name}")).clone();
            world.push_image(registry, &named).expect("the image is pushed");
        }
        let place = Place::new();
        world.write(place.path(), registry).expect("the files are written");
        Self { world, place, registry: registry.to_owned() }
    }

    /// `HOST:PORT`.
    pub(crate) fn registry(&self) -> &str {
        &self.registry
    }

    pub(crate) fn named(&self, name: &str) -> &Named {
        self.world.image(name).expect("an image of the world")
    }

    /// `HOST:PORT/signed/NAME:1`.
    pub(crate) fn reference(&self, name: &str) -> String {
        self.named(name).reference(&self.registry)
    }

    /// `input.image` with its signatures and what is wrong with them, for `linux/amd64`.
    pub(crate) fn print(&self, name: &str) -> Value {
        self.print_with(name, &["--trust-root", "world=trusted_root.json"])
    }

    /// The same with these arguments.
    pub(crate) fn print_with(&self, name: &str, args: &[&str]) -> Value {
        let image = format!("docker-image://{}", self.reference(name));
        let fields = "image.signatures,image.verification";
        let all = ["eval", "--print", "--fields", fields, &image];
        let platform: &[&str] =
            if args.contains(&"--platform") { &[] } else { &["--platform", "linux/amd64"] };
        let run = self.place.run(all.into_iter().chain(args.iter().copied()).chain(platform.iter().copied()));
        let Finished { code, stdout, stderr } = run.finish();
        assert_eq!(code, 0, "{name}: {stdout}{stderr}");
        let input: Value = serde_json::from_str(&stdout).expect("JSON");
        input["image"].clone()
    }

    /// Decides about an image by a policy that allows where `condition` holds.
    pub(crate) fn eval(&self, name: &str, condition: &str) -> Finished {
        self.eval_with(name, condition, &["--trust-root", "world=trusted_root.json"])
    }

    /// The same with these arguments.
    pub(crate) fn eval_with(&self, name: &str, condition: &str, args: &[&str]) -> Finished {
        self.place.write("Dockerfile.rego", policy(condition));
        let image = format!("docker-image://{}", self.reference(name));
        let all = ["eval", "--platform", "linux/amd64", &image];
        self.place.run(all.into_iter().chain(args.iter().copied())).finish()
    }

    #[track_caller]
    pub(crate) fn allows(&self, name: &str, condition: &str) {
        let Finished { code, stdout, stderr } = self.eval(name, condition);
        assert_eq!(code, 0, "{name} should be allowed by {condition}: {stdout}{stderr}");
    }

    #[track_caller]
    pub(crate) fn denies(&self, name: &str, condition: &str) {
        let Finished { code, stdout, stderr } = self.eval(name, condition);
        assert_eq!(code, 1, "{name} should be denied by {condition}: {stdout}{stderr}");
    }
}

/// A policy that allows the build's files, and images where `condition` holds.
pub(crate) fn policy(condition: &str) -> String {
    format!(
        "package docker\n\ndefault allow := false\n\nallow if input.local\n\nallow if {{\n\t{condition}\n}}\n\n\
         decision := {{\"allow\": allow}}\n"
    )
}

/// The verified signatures of a printed image.
pub(crate) fn signatures(image: &Value) -> Vec<Value> {
    image["signatures"].as_array().cloned().unwrap_or_default()
}

/// The steps at which signatures failed.
pub(crate) fn failed_steps(image: &Value) -> Vec<String> {
    let failures = image["verification"].as_array().cloned().unwrap_or_default();
    failures.iter().map(|failure| failure["step"].as_str().unwrap_or_default().to_owned()).collect()
}
