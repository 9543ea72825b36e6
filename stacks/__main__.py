"""Run by Pulumi, from this folder."""

from stacks.program import main

main()
