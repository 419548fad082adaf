//! `ADD` and `COPY`.

use super::flags::{Flags, Kind};
use crate::dockerfile::parse::{HereDocument, Instruction};

/// Paths of `ADD` and `COPY`, without here-documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dockerfile) struct Transfer {
    pub sources: Vec<String>,
    pub destination: String,
    /// The texts of its here-documents that are expanded.
    pub documents: Vec<String>,
    /// `--chown` and `--chmod`.
    pub owner: [String; 2],
}

/// `ADD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dockerfile) struct Add {
    pub transfer: Transfer,
    pub keep_git_dir: Option<bool>,
    pub checksum: String,
}

/// `COPY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dockerfile) struct Copy {
    pub transfer: Transfer,
    /// `--from`; empty where it is not given.
    pub from: String,
}

impl Add {
    pub(super) fn read(instruction: &Instruction, args: &[&str]) -> Result<Self, String> {
        let (sources, destination) = sources_and_destination("ADD", args)?;
        let flags = Flags::read(
            &instruction.flags,
            &[
                ("chown", Kind::Text),
                ("chmod", Kind::Text),
                ("link", Kind::Bool),
                ("keep-git-dir", Kind::Bool),
                ("checksum", Kind::Text),
                ("unpack", Kind::Bool),
                ("exclude", Kind::Texts),
            ],
        )?;
        Ok(Self {
            transfer: transfer("ADD", instruction, sources, destination, &flags)?,
            keep_git_dir: flags.bool("keep-git-dir"),
            checksum: flags.text("checksum"),
        })
    }
}

impl Copy {
    pub(super) fn read(instruction: &Instruction, args: &[&str]) -> Result<Self, String> {
        let (sources, destination) = sources_and_destination("COPY", args)?;
        let flags = Flags::read(
            &instruction.flags,
            &[
                ("chown", Kind::Text),
                ("from", Kind::Text),
                ("chmod", Kind::Text),
                ("link", Kind::Bool),
                ("exclude", Kind::Texts),
                ("parents", Kind::Bool),
            ],
        )?;
        let transfer = transfer("COPY", instruction, sources, destination, &flags)?;
        Ok(Self { transfer, from: flags.text("from") })
    }
}

fn sources_and_destination<'a>(
    keyword: &str,
    args: &'a [&'a str],
) -> Result<(&'a [&'a str], &'a str), String> {
    match args.split_last() {
        Some((destination, sources)) if !sources.is_empty() => Ok((sources, *destination)),
        _ => Err(format!("{keyword} needs at least two arguments: what to copy, and where to")),
    }
}

fn transfer(
    keyword: &str,
    instruction: &Instruction,
    sources: &[&str],
    destination: &str,
    flags: &Flags,
) -> Result<Transfer, String> {
    let document = |word: &str| HereDocument::parse(word).ok().flatten();
    if document(destination).is_some() {
        return Err(format!("{keyword} can't have a here-document as its destination"));
    }
    let mut transfer = Transfer {
        sources: Vec::new(),
        destination: destination.to_owned(),
        documents: Vec::new(),
        owner: [flags.text("chown"), flags.text("chmod")],
    };
    for source in sources {
        let Some(announced) = document(source) else {
            transfer.sources.push((*source).to_owned());
            continue;
        };
        let found = instruction.here_documents.iter().rfind(|document| document.name == announced.name);
        if announced.expand {
            transfer.documents.extend(found.map(|document| document.text.clone()));
        }
    }
    Ok(transfer)
}
