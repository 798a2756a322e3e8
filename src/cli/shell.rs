//! For the shell: completions of commands, flags and names, and pages for `man`. Both are made of the
//! arguments themselves.

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::{Args, ManArgs};
use super::error::CommandError;
use super::help::with_help;
use super::out_file::OutFile;
use super::stdout::print;

/// `unisono completions`.
pub(super) fn completions(shell: Shell) {
    let mut script = Vec::new();
    let mut program = with_help(Args::command());
    clap_complete::generate(shell, &mut program, "unisono", &mut script);
    let script = String::from_utf8(script).expect("a script is text");
    print(format_args!("{script}"));
}

/// `unisono man`: a page for the program, and one for each command.
pub(super) fn man(args: &ManArgs) -> Result<(), CommandError> {
    let folder = &args.folder;
    crate::output::make_folder(folder).map_err(|source| CommandError::Write {
        path: folder.clone(),
        source,
    })?;
    // None is written where one of them may not be.
    let pages = pages().into_iter();
    let pages: Vec<_> = pages
        .map(|(name, page)| (folder.join(name), page))
        .collect();
    let files = pages
        .iter()
        .map(|(path, page)| Ok((OutFile::new(path, args.force, &[])?, page)));
    for (file, page) in files.collect::<Result<Vec<_>, CommandError>>()? {
        file.write(page)?;
    }
    say!("pages: {}, such as {}", pages.len(), pages[0].0.display());
    Ok(())
}

/// The names of the pages, and what is in each.
fn pages() -> Vec<(String, Vec<u8>)> {
    let mut program = with_help(Args::command()).disable_help_subcommand(true);
    // Gives the commands the names of their pages: `unisono-train`.
    program.build();
    let mut found = Vec::new();
    add_pages(program, &mut found);
    found
}

fn add_pages(command: Command, found: &mut Vec<(String, Vec<u8>)>) {
    // What only the help in short says does not belong on the page.
    let has_more = command
        .get_after_long_help()
        .is_some_and(|text| !text.to_string().is_empty());
    let shown = match has_more {
        true => command.clone(),
        false => command.clone().after_help(None).after_long_help(None),
    };
    // A page has no text for what the help in short leaves out.
    let man = Man::new(shown.mut_args(|arg| arg.hide_short_help(false)));
    let (name, mut page) = (man.get_filename(), Vec::new());
    man.render(&mut page).expect("memory takes what is written");
    found.push((name, page));
    for inner in command.get_subcommands() {
        add_pages(inner.clone(), found);
    }
}
