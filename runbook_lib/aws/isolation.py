"""What keeps a rehearsal's sessions from asking anybody but the simulated organization.

The guard over a client's requests does not see how botocore gets credentials: it would ask instance metadata or a container's
address, start a program, or call AWS's sign-in services, on its own connections.
"""

from botocore.credentials import ConfigProvider, CredentialProvider, CredentialResolver, EnvProvider, SharedCredentialProvider
from botocore.session import Session
from botocore.tokens import TokenProviderChain


def isolate(session: Session) -> None:
    """Leave a session the keys that are there already: in the environment, or in the shared credentials and configuration files.

    As in botocore's own chain, a profile that was named comes before the environment. Nothing is read before there is a client.
    """
    profile = session.get_config_variable("profile") or "default"
    named = session.instance_variables().get("profile") is not None
    providers: list[CredentialProvider] = [] if named else [EnvProvider()]
    providers += [
        SharedCredentialProvider(session.get_config_variable("credentials_file"), profile),
        ConfigProvider(session.get_config_variable("config_file"), profile),
    ]
    session.register_component("credential_provider", CredentialResolver(providers))
    session.register_component("token_provider", TokenProviderChain([]))
    # "auto" asks instance metadata for the Region; the others only set what `Clients` sets itself.
    session.set_config_variable("defaults_mode", "legacy")
    # Sends a datagram about each call to a host that the environment or the profile names.
    session.set_config_variable("csm_enabled", False)
