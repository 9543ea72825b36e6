"""Kubernetes' own schemas, each read once: the package reads its definitions again for every object."""

import functools

import kubernetes_validate
from kubernetes_validate import utils

utils.schema_contents = functools.cache(utils.schema_contents)

validate = kubernetes_validate.validate
SchemaNotFoundError = kubernetes_validate.SchemaNotFoundError
ValidationError = kubernetes_validate.ValidationError
