//! argv in, exit code out.

fn main() -> std::process::ExitCode {
    cachectl::cli::run()
}
