//! `policy-check bundle`: policies and libraries to and from elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;

use super::Exit;
use super::cache_args::CacheArgs;
use super::error::Error;
use super::lookup_args::ConnectionArgs;
use super::output::Output;
use super::trust_args::TrustArgs;
use crate::distribution::layout::{Layout, pack};
use crate::distribution::libraries::{FILE_NAME, Libraries};
use crate::distribution::{DistributionError, Fetched, Fetcher, Files, Held, Place, Signatory, SignedBy};
use crate::policy_files::{PolicyFileError, open_root, read_named};
use crate::policy_test::report::{Report, human};
use crate::policy_test::{self, Selection, TestError, discover, load, untested};
use crate::report::human::Detail;
use crate::whole_file;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Upload the policies of a folder as an OCI artifact, and print its digest
    Push(PushArgs),
    /// Write the policies of an artifact or a commit to a folder
    Pull(PullArgs),
    /// Load the policies of a folder, an artifact or a commit, run their tests, and check what locks say
    Verify(VerifyArgs),
    /// Pin the libraries that `policy-libraries.json` names to what they are now
    Lock(LockArgs),
}

#[derive(Debug, clap::Args)]
struct PushArgs {
    /// Folder with policies
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Where to: `oci://REGISTRY/REPOSITORY:TAG`
    #[arg(value_name = "REF")]
    to: String,
    /// How the files are stored
    #[arg(long, value_name = "LAYOUT", default_value = "opa")]
    layout: Layout,
    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Debug, clap::Args)]
struct PullArgs {
    /// `oci://REF`, or `git::URL#REF:FOLDER`
    #[arg(value_name = "REF")]
    from: String,
    /// Folder to write to; it must be empty, or not be there
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    signed: SignedArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Debug, clap::Args)]
struct VerifyArgs {
    /// A folder, `oci://REF`, or `git::URL#REF:FOLDER`
    #[arg(value_name = "REF|DIR")]
    from: String,
    #[command(flatten)]
    signed: SignedArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Debug, clap::Args)]
struct LockArgs {
    /// Folder with a `policy-libraries.json`
    #[arg(value_name = "DIR", default_value = ".", hide_default_value = true)]
    folder: PathBuf,
    /// Pin those anew that are pinned already
    #[arg(long)]
    update: bool,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

/// Who must have signed.
#[derive(Debug, clap::Args)]
struct SignedArgs {
    /// Who must have signed it: `key=FILE`, or `issuer=…,subjectAlternativeName=…`
    #[arg(long, value_name = "WHO", help_heading = "Trust")]
    signed_by: Option<SignedBy>,
    #[command(flatten)]
    trust: TrustArgs,
}

#[derive(Debug, clap::Args)]
struct NetworkArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    cache: CacheArgs,
}

impl NetworkArgs {
    /// One that trusts nobody's signatures.
    fn fetcher(&self) -> Fetcher {
        Fetcher { transport: self.connection.options(), cache: self.cache.cache(), ..Fetcher::default() }
    }

    fn trusting(&self, trust: &TrustArgs) -> Result<Fetcher, Error> {
        let fetcher = self.fetcher();
        let dir = fetcher.cache.as_ref().map(|cache| cache.dir().to_owned());
        let trust = trust.options(dir, Some(fetcher.transport.clone()))?.load(None)?;
        Ok(Fetcher { trust: Arc::new(trust), ..fetcher })
    }
}

impl SignedArgs {
    /// Keys that are named on the command line may lie anywhere.
    fn signatory(&self, place: &Place) -> Result<Option<Signatory>, DistributionError> {
        let load =
            |signed_by: &SignedBy| signed_by.load(place, |path, limit| read_named(Path::new(path), limit));
        self.signed_by.as_ref().map(load).transpose()
    }

    /// What lies there now, if it is signed by whom it must be.
    fn fetch(&self, from: &str, fetcher: &Fetcher) -> Result<Fetched, DistributionError> {
        let place = from.parse()?;
        let signatory = self.signatory(&place)?;
        fetcher.fetch(&place, Held { signatory: signatory.as_ref(), ..Held::default() })
    }
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    match &args.verb {
        Verb::Push(args) => push(args, output),
        Verb::Pull(args) => pull(args, output),
        Verb::Verify(args) => verify(args, output),
        Verb::Lock(args) => lock(args, output),
    }
}

fn push(args: &PushArgs, output: &Output) -> Result<Exit, Error> {
    let place: Place = args.to.parse()?;
    let Place::Oci(image) = &place else {
        let reason = "policies are pushed to a registry".to_owned();
        return Err(DistributionError::Place { place: place.to_string(), reason }.into());
    };
    let fetcher = args.network.fetcher();
    let folder = Place::Folder(args.folder.display().to_string());
    let files = fetcher.fetch(&folder, Held::default())?.files;
    let refused = |reason| DistributionError::Files { place: folder.to_string(), reason };
    if !files.has_rego() {
        return Err(refused("there are no policies in it".to_owned()).into());
    }
    let artifact = pack(&files, args.layout).map_err(refused)?;
    let digest = fetcher.push(image, &artifact)?;
    output.note(&format!("pushed {} files", files.len()));
    output.data(&format!("{}\n", place.pinned_to(&digest)?))?;
    Ok(Exit::Allowed)
}

fn pull(args: &PullArgs, output: &Output) -> Result<Exit, Error> {
    let fetcher = args.network.trusting(&args.signed.trust)?;
    let Fetched { place, files, .. } = args.signed.fetch(&args.from, &fetcher)?;
    let folder = &args.output;
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let reason = "the folder is not empty".to_owned();
        return Err(DistributionError::Files { place: folder.display().to_string(), reason }.into());
    }
    write(&files, folder)?;
    output.note(&format!("{} files, {}", files.len(), files.digest()));
    output.data(&format!("{place}\n"))?;
    Ok(Exit::Allowed)
}

/// Paths of files are relative and clean, and the folder has nothing in it that could lead elsewhere.
fn write(files: &Files, folder: &Path) -> Result<(), Error> {
    for (path, content) in files.iter() {
        let path = folder.join(path);
        let failed = |cause| Error::WriteFile { path: path.clone(), cause };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(&path, content).map_err(failed)?;
    }
    Ok(())
}

fn verify(args: &VerifyArgs, output: &Output) -> Result<Exit, Error> {
    let fetcher = args.network.trusting(&args.signed.trust)?;
    let Fetched { place, files, .. } = args.signed.fetch(&args.from, &fetcher)?;
    let folder = match &place {
        Place::Folder(path) => {
            locked(Path::new(path), &fetcher, output)?;
            None
        }
        _ => {
            let folder = tempfile::tempdir()?;
            write(&files, folder.path())?;
            Some(folder)
        }
    };
    let root = match (&folder, &place) {
        (Some(folder), _) => folder.path().to_owned(),
        (None, place) => PathBuf::from(place.to_string()),
    };
    // Nobody knows the folder that they were written to.
    let shown = |text: String| match &folder {
        Some(folder) => text.replace(&format!("{}/", folder.path().display()), ""),
        None => text,
    };
    let selection = Selection {
        paths: vec![root.clone()],
        policy: None,
        root: folder.is_some().then(|| root.clone()),
        run: None,
        strict: false,
        fetcher,
    };
    let suites = match discover(&selection) {
        Ok(groups) => load(groups, &selection)?,
        Err(TestError::NoFiles) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut exit = Exit::Allowed;
    // What is not pushed is not looked at.
    let is_hidden = |path: &str| {
        let path = Path::new(path).strip_prefix(&root).unwrap_or(Path::new(path));
        path.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
    };
    let mut further = untested(&selection, &suites)?;
    further.retain(|loaded| !loaded.policy.as_deref().is_some_and(is_hidden));
    for loaded in suites.iter().chain(&further) {
        match &loaded.suite {
            Ok(suite) => suite.policy().warnings().iter().for_each(|warning| {
                let mut warning = warning.clone();
                warning.position.file = shown(warning.position.file);
                output.policy_warning(&warning);
            }),
            Err(error) => {
                let mut error = error.clone();
                for problem in &mut error.problems {
                    problem.position.file = shown(std::mem::take(&mut problem.position.file));
                }
                output.failure(&Error::Policy(PolicyFileError::Load(error)));
                exit = Exit::Usage;
            }
        }
    }
    let outcomes = policy_test::run(&suites, std::time::SystemTime::now());
    let report = Report::new(&suites, &outcomes, None);
    if suites.is_empty() {
        output.note("there are no tests in it");
    } else {
        let detail = Detail { symbols: output.symbols(), explain: false, quiet: output.quiet() };
        output.data(&shown(human::render(&report, detail)))?;
    }
    output.data(&format!("{place}: {} files, {}\n", files.len(), files.digest()))?;
    Ok(if report.summary.failed + report.summary.errors > 0 { Exit::Denied } else { exit })
}

/// Holds the libraries that the folder names to their pins.
fn locked(folder: &Path, fetcher: &Fetcher, output: &Output) -> Result<(), Error> {
    let path = folder.join(FILE_NAME);
    if !path.exists() {
        return Ok(());
    }
    let root = open_root(folder)?;
    for (name, library) in read(&path)?.libraries {
        let files = library.pinned(&name, folder, &*root, fetcher)?.files;
        output.note(&format!("library {name}: {} files, {}", files.len(), files.digest()));
    }
    Ok(())
}

fn lock(args: &LockArgs, output: &Output) -> Result<Exit, Error> {
    let path = args.folder.join(FILE_NAME);
    let mut libraries = read(&path)?;
    let fetcher = args.network.trusting(&args.trust)?;
    let root = open_root(&args.folder)?;
    for (name, library) in &mut libraries.libraries {
        if library.is_locked()? && !args.update {
            output.data(&format!("{name}: pinned already\n"))?;
            continue;
        }
        // What is pinned by hand stays so.
        let wanted = if args.update { library.unlocked() } else { library.clone() };
        let fetched = wanted.fetch(name, &args.folder, &*root, &fetcher)?;
        fetcher.keep(&fetched.place, &fetched.files);
        let locked = library.locked(&fetched);
        let state = match (&library.files, *library == locked) {
            (_, true) => "up to date",
            (None, _) => "pinned",
            (Some(_), _) => "updated",
        };
        let pin = locked.pin.as_deref().or(locked.files.as_deref()).unwrap_or_default();
        output.data(&format!("{name}: {state}, {pin}\n"))?;
        *library = locked;
    }
    whole_file::write(&path, libraries.render().as_bytes())
        .map_err(|cause| Error::WriteFile { path: path.clone(), cause })?;
    Ok(Exit::Allowed)
}

fn read(path: &Path) -> Result<Libraries, Error> {
    let content = std::fs::read(path).map_err(|cause| Error::ReadFile { path: path.to_owned(), cause })?;
    Ok(Libraries::parse(&path.display().to_string(), &content)?)
}
