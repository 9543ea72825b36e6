"""The catalogue stays cheap to load: every command that reads a stack file loads all of it."""

import json
import subprocess
import sys

from tests.program.conftest import ROOT

PROBE = """
import json, sys, time
from addons import registry
loaded = set(sys.modules)
start = time.process_time()
found = registry.discover()
seconds = time.process_time() - start
new = {name.partition(".")[0] for name in set(sys.modules) - loaded}
print(json.dumps({"seconds": seconds, "addons": len(found), "new": sorted(new), "all": sorted(sys.modules)}))
"""


def test_discovering_every_addon_loads_no_sdk_and_takes_no_time():
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    found = json.loads(done.stdout)
    # The SDKs take a second or more each; whoever needs their classes loads them in the function that does.
    assert not {"pulumi_aws", "pulumi_kubernetes", "pulumi_eks", "boto3", "rich"} & set(found["all"])
    # A file is data: it brings no package that the machinery has not loaded.
    assert set(found["new"]) <= {"addons", "infra", *sys.stdlib_module_names}
    # Some 2 ms for each on an idle machine; the bound is for a busy one.
    assert found["seconds"] < 0.02 * found["addons"]
