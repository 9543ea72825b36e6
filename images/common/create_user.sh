#!/usr/bin/env bash
# create_user.sh PYTHON...: makes the user that Kubeflow's notebook controller expects, and lets it add packages.
#
# jovyan, uid 1000, home /home/jovyan: kubeflow/notebooks, branch notebooks-v1, components/example-notebook-servers,
# README.md, "Image Requirements". Its primary group is 0, as there, so that any other uid of group 0 works as well.
set -euo pipefail

# Ubuntu's image has a user of its own with this uid.
taken="$(getent passwd 1000 | cut --delimiter=: --fields=1 || true)"
if [[ -n "${taken}" ]]; then
  userdel --remove "${taken}"
fi
useradd --no-create-home --no-user-group --shell /bin/bash --home-dir /home/jovyan --uid 1000 --gid 0 --groups 100 jovyan
install --directory --owner=1000 --group=100 --mode=2775 /home/jovyan

# Only the folders themselves, not what is in them: `pip install` of something new works until the pod ends, while the
# framework, which others share, cannot be replaced; and the layer is a few bytes.
for python in "$@"; do
  "${python}" -c 'import sysconfig; print(*{sysconfig.get_path(k) for k in ("purelib", "platlib", "scripts")}, sep="\n")' |
    xargs --delimiter='\n' chmod g+w
done
