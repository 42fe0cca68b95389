//! One file per command. The only room that prints, prompts and draws progress.

pub mod advise;
mod advise_live;
pub mod apply;
pub mod args;
pub mod bench;
pub mod canary;
pub mod clock;
pub mod completions;
pub mod cost;
pub mod destroy;
pub mod drill;
pub mod events;
pub mod exit;
pub mod explain;
pub mod files;
pub mod iam_policy;
pub mod import;
pub mod init;
pub mod man;
pub mod plan;
pub mod preflight;
pub mod printer;
pub mod progress;
pub mod render;
pub mod rewrite;
pub mod saved;
pub mod schema;
pub mod session;
pub mod smoke;
pub mod status;
pub mod system;
pub mod validate;
mod way_in;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Cli, Command};
use exit::{CliError, Exit};
use printer::Printer;

/// Runs the command line and says how it ended.
pub fn run() -> ExitCode {
    match completions::answered() {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(Exit::Usage.code());
        }
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(if help { Exit::Done.code() } else { Exit::Usage.code() });
        }
    };
    let printer = Printer::new(&cli.output);
    let exit = dispatch(&printer, cli.command).unwrap_or_else(|error| {
        printer.error(&error);
        error.exit
    });
    ExitCode::from(exit.code())
}

fn dispatch(printer: &Printer, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Validate(args) => validate::run(printer, &args),
        Command::Render(args) => render::run(printer, &args),
        Command::IamPolicy(args) => iam_policy::run(printer, &args),
        Command::Explain(args) => explain::run(printer, &args),
        Command::Schema => schema::run(printer),
        Command::Completions(args) => completions::run(printer, args.shell),
        Command::Man(args) => man::run(printer, &args),
        Command::Plan(args) => block_on(plan::run(printer, &args)),
        Command::Apply(args) => block_on(apply::run(printer, &args)),
        Command::Destroy(args) => block_on(destroy::run(printer, &args)),
        Command::Import(args) => block_on(import::run(printer, &args)),
        Command::Init(args) => block_on(init::run(printer, args)),
        Command::Status(args) => block_on(status::run(printer, &args)),
        Command::Smoke(args) => block_on(smoke::run(printer, &args)),
        Command::Bench(args) => block_on(bench::run(printer, &args)),
        Command::Drill(args) => block_on(drill::run(printer, &args)),
        Command::Advise(args) => block_on(advise::run(printer, &args)),
    }
}

/// Only commands that talk to AWS or to a cache pay for a runtime.
fn block_on(command: impl Future<Output = Result<Exit, CliError>>) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| {
        CliError::new(Exit::Error, format!("cannot begin: {error}"))
            .hint("the system has no threads or file handles left")
            .caused_by(error)
    })?;
    let result = runtime.block_on(command);
    // A second Ctrl-C is waited for on a thread of its own, which must not hold up the end.
    runtime.shutdown_background();
    result
}
