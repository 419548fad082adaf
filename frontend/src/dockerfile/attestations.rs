//! The image that makes a build's SBOM, where one is asked for.

use policy_engine::source::SourceOp;
use policy_engine::source::reference::Reference;

use crate::build_options::BuildOptions;
use crate::flag_values::parse_bool;
use crate::policy_spec::csv_fields;

/// The image that BuildKit makes SBOMs with unless told otherwise.
const DEFAULT_GENERATOR: &str = "docker/buildkit-syft-scanner:stable-1";
/// Build arguments ask for attestations too: `BUILDKIT_ATTEST_SBOM=generator=…`.
const ARGUMENT: &str = "BUILDKIT_ATTEST_";

/// The generator of the SBOM that `options` ask for: with `--sbom`, `--attest type=sbom`, or a build argument.
pub(super) fn sbom_generator(options: &BuildOptions) -> Result<Option<SourceOp>, String> {
    let mut by_argument = options.build_args.iter().filter_map(|(name, value)| {
        let is_sbom = name.strip_prefix(ARGUMENT)?.eq_ignore_ascii_case("sbom");
        is_sbom.then_some(value.as_deref()?)
    });
    let Some(parameters) =
        options.attests.get("sbom").and_then(Option::as_deref).or_else(|| by_argument.next_back())
    else {
        return Ok(None);
    };
    let wrong = |reason: String| format!("the parameters {parameters:?} of the SBOM: {reason}");
    let mut generator = DEFAULT_GENERATOR.to_owned();
    if !parameters.is_empty() {
        for field in csv_fields(parameters).map_err(|error| wrong(error.to_string()))? {
            match field.split_once('=') {
                Some(("generator", image)) => image.clone_into(&mut generator),
                Some(("disabled", value)) if parse_bool(value) == Some(true) => return Ok(None),
                _ => {}
            }
        }
    }
    let image =
        Reference::parse(&generator).map_err(|error| wrong(format!("generator {generator:?}: {error}")))?;
    Ok(Some(SourceOp::new(format!("docker-image://{}", image.or_latest()))))
}
