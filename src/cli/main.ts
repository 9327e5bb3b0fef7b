#!/usr/bin/env node
// The program: parses arguments and hands over to one file per command. Nothing heavy is imported before a command runs.
import { runCli } from "./run-cli.js";

await runCli(process.argv.slice(2));
