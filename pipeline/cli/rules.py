"""`tailrace rules`: the commands for people who write rules, each loaded only when it is called."""

from pipeline.cli import Entry, LazyGroup

COMMANDS = {
    "check": Entry(
        "pipeline.cli.rules_check:check", "Report every mistake, with its place and how to mend it."
    ),
    "test": Entry("pipeline.cli.rules_test:test", "Run the tests that stand in the rules."),
    "schema": Entry(
        "pipeline.cli.rules_schema:schema", "Print the JSON Schema of rule files, or all their keys."
    ),
    "explain": Entry("pipeline.cli.rules_explain:explain", "Say why a line parses as it does, or why not."),
    "status": Entry("pipeline.cli.rules_status:status", "Show what running processes have in force."),
    "lint": Entry("pipeline.cli.rules_lint:lint", "Find what is legal in rules and still unwise."),
}

rules = LazyGroup(
    COMMANDS, name="rules", help="Check, test and explain rules; without DIR, those that come with Tailrace."
)
