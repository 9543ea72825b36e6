"""The registry component: ECR repositories, mirrors of upstream registries, notebook images."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from infra import naming
from infra.handle import Bucket
from infra.handle import Registry as Handle
from infra.images import ImageReference, ecr_host
from infra.registry.builds import Build, BuildsArgs, builds
from infra.registry.cache import CacheArgs, caches
from infra.registry.mirror import MirrorArgs, mirror
from infra.registry.notebooks import NotebookBuild, NotebooksArgs, notebooks
from infra.registry.repositories import RepositoryArgs, repository
from infra.registry.settings import RegistrySettings
from infra.storage.ready import once


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """What it needs to know of the rest of the stack.

    Attributes:
        artifacts: The bucket that lists and sources of builds are put into; rules ask for it where it is needed.
        images: The images of the add-ons, where they come from upstream.
        internet: Whether nodes reach the internet.
        node_role: Name of the role of the nodes.
        network_ready: What must exist before a node can reach AWS.
    """

    settings: RegistrySettings
    platform: str
    region: str
    partition: str
    account_id: pulumi.Output[str]
    key_arn: pulumi.Input[str]
    artifacts: Bucket | None
    images: Sequence[ImageReference]
    internet: bool
    node_role: pulumi.Input[str]
    network_ready: Sequence[pulumi.Resource]
    disposable: bool
    tags: Mapping[str, str]
    permissions_boundary: str | None = None


class Registry(pulumi.ComponentResource):
    """ECR repositories, mirrors of upstream registries, notebook images.

    Own repositories and those of notebook images are protected and retained, unless the stack or the item says it is
    disposable. Copies of upstream images can be made again and go with the stack.

    Changing a repository's name or its key replaces it, and its images are lost.

    Attributes:
        handle: What add-ons may know of it. A host or an image's name is given out once all that a pull needs is
            there; builds have been started then, not finished.
    """

    handle: Handle

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create what the settings ask for."""
        super().__init__(naming.type_token("infra", "Registry"), name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._arns = pulumi.Output.concat(f"arn:{args.partition}:ecr:{args.region}:", args.account_id, ":repository/")
        self._host = args.account_id.apply(lambda account: ecr_host(account, args.region))
        repositories = self._repositories()
        cached, ready = self._caches()
        mirrored, copying = self._mirror()
        images = self._notebooks()
        started = self._builds([*([copying] if copying else []), *(each.build for each in images)])
        if copying:
            ready = [*ready, started[copying.role]]
        self.handle = Handle(
            host=once(ready, self._host),
            repositories=repositories,
            # An image of an add-on is found in the mirror, whatever the cache would do.
            mirrors={**cached, **mirrored},
            notebook_images=tuple(
                dataclasses.replace(each.image, uri=once([started[each.build.role]], each.image.uri)) for each in images
            ),
        )
        self.register_outputs({"host": self._host, "repositories": repositories})

    def _repositories(self) -> dict[str, pulumi.Output[str]]:
        args, settings = self._args, self._args.settings
        return {
            each.name: repository(
                f"{self._name}-own-{each.name}",
                RepositoryArgs(
                    name=f"{args.platform}/{each.name}",
                    key_arn=args.key_arn,
                    keep=not (args.disposable or each.disposable),
                    keep_images=each.keep_images,
                    untagged_days=settings.untagged_days,
                    mutable_tags=each.mutable_tags,
                    tags=args.tags,
                ),
                self._child,
            ).repository_url
            for each in settings.repositories
        }

    def _caches(self) -> tuple[dict[str, str], list[pulumi.Resource]]:
        args, settings = self._args, self._args.settings
        return caches(
            self._name,
            CacheArgs(
                upstreams=settings.pull_through,
                platform=args.platform,
                repositories_arn=self._arns,
                key_arn=args.key_arn,
                node_role=args.node_role,
                untagged_days=settings.untagged_days,
                tags=args.tags,
                permissions_boundary=args.permissions_boundary,
            ),
            self._child,
        )

    def _mirror(self) -> tuple[dict[str, str], Build | None]:
        args, settings = self._args, self._args.settings
        if not settings.mirrors(internet=args.internet):
            return {}, None
        return mirror(
            self._name,
            MirrorArgs(
                images=[*args.images, *(ImageReference.parse(text) for text in settings.mirror_images)],
                secrets=settings.mirror_secrets,
                platform=args.platform,
                registry=self._host,
                repositories_arn=self._arns,
                bucket=self._bucket(),
                key_arn=args.key_arn,
                untagged_days=settings.untagged_days,
                tags=args.tags,
            ),
            self._child,
        )

    def _notebooks(self) -> list[NotebookBuild]:
        args, settings = self._args, self._args.settings
        if not settings.notebook_images:
            return []
        return notebooks(
            self._name,
            NotebooksArgs(
                wanted=settings.notebook_images,
                platform=args.platform,
                partition=args.partition,
                bucket=self._bucket(),
                key_arn=args.key_arn,
                keep=not args.disposable,
                untagged_days=settings.untagged_days,
                tags=args.tags,
            ),
            self._child,
        )

    def _builds(self, wanted: Sequence[Build]) -> dict[str, pulumi.Resource]:
        if not wanted:
            return {}
        args = self._args
        return builds(
            self._name,
            BuildsArgs(
                platform=args.platform,
                region=args.region,
                partition=args.partition,
                account_id=args.account_id,
                key_arn=args.key_arn,
                bucket=self._bucket(),
                log_days=args.settings.build_log_days,
                network_ready=args.network_ready,
                tags=args.tags,
                permissions_boundary=args.permissions_boundary,
            ),
            wanted,
            self._child,
        )

    def _bucket(self) -> Bucket:
        assert self._args.artifacts is not None, "rules.problems asks for the bucket"  # noqa: S101  # narrows the type
        return self._args.artifacts
