"""Who may become one of the people."""

from collections.abc import Iterator

from policies.around import Around
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.bill.types import USER_POOL
from slipway.plan.model import Resource


@rule(
    id="iam-self-sign-up",
    severity="critical",
    title="Only administrators add people to the login's user pool.",
    why="Cognito's default lets anybody sign up: the login in front of notebooks would let everybody in.",
    fix="keep adminCreateUserConfig of the user pool that edge.login makes",
    source="https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-admin-create-user-policy.html",
    key="edge",
    types=(USER_POOL,),
)
def self_sign_up(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """Cognito developer guide, "Configuring policies for user creation"; the API's default is false."""
    path = "adminCreateUserConfig.allowAdminCreateUserOnly"
    if inputs.get(path) is not True:
        yield Fault(path=path, what="not true, so people sign themselves up")
