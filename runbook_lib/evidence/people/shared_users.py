"""Names of users under which anybody may sit: as the one who approved a change they say nothing.

Each with where it comes from, for the sentence that refuses it. Images and services come with these users and everybody who uses
the image is this user; none of them is a person's account.
"""

import re
from collections.abc import Mapping

SHARED: Mapping[str, str] = {
    "root": "the administrator of every Unix machine, and the user of most containers",
    "toor": "a second name of root",
    "admin": "the user of Debian's cloud images",
    "administrator": "an administrator's account, not a person's",
    "almalinux": "the user of AlmaLinux's cloud images",
    "alpine": "the user of Alpine Linux's cloud images",
    "app": "a container's user for its application",
    "appuser": "a container's user for its application",
    "azureuser": "the user of virtual machines on Azure",
    "bitnami": "the user of Bitnami's images",
    "bitbucket": "the user of Bitbucket's runners",
    "buildkite-agent": "the user of Buildkite's agents",
    "centos": "the user of CentOS's cloud images",
    "circleci": "the user of CircleCI's images",
    "cloudshell-user": "the user of AWS CloudShell",
    "cloudsdk": "the user of Google Cloud's command line image",
    "coder": "the user of code-server's images",
    "codebuild-user": "the user of AWS CodeBuild's images",
    "codespace": "the user of GitHub Codespaces",
    "core": "the user of Fedora CoreOS and Flatcar",
    "daemon": "a system account",
    "debian": "the user of Debian's cloud images",
    "default": "the user of Red Hat's container images",
    "deploy": "a deployment's account",
    "deployer": "a deployment's account",
    "dev": "a development container's user",
    "developer": "a development container's user",
    "docker": "the user of Docker Machine",
    "ec2-user": "the user of Amazon Linux and of Red Hat's images on EC2",
    "fedora": "the user of Fedora's cloud images",
    "gitlab-runner": "the user of GitLab's runners",
    "gitpod": "the user of Gitpod's workspaces",
    "glue_user": "the user of AWS Glue's images",
    "guest": "anybody's account",
    "hadoop": "the user of Amazon EMR's machines",
    "jenkins": "the user of Jenkins",
    "jovyan": "the user of the Jupyter Docker images",
    "jupyter": "the user of many Jupyter servers",
    "livy": "the user of notebooks on Amazon EMR",
    "mambauser": "the user of micromamba's images",
    "node": "the user of Node.js's images",
    "nobody": "a system account",
    "nonroot": "the user of distroless images",
    "notebook": "the user of some notebook servers",
    "opc": "the user of Oracle's cloud images",
    "oracle": "an application's account",
    "pi": "the user of Raspberry Pi OS",
    "podman": "the user of Podman's images",
    "postgres": "an application's account",
    "rocky": "the user of Rocky Linux's cloud images",
    "rstudio": "the user of the Rocker images",
    "runner": "the user of GitHub's runners",
    "sagemaker-user": "the user of SageMaker Studio",
    "service": "a service's account",
    "ssm-user": "the user of AWS Systems Manager's sessions",
    "suse": "the user of SUSE's cloud images",
    "tomcat": "an application's account",
    "ubuntu": "the user of Ubuntu's images",
    "user": "anybody's account",
    "vagrant": "the user of Vagrant's machines",
    "vcap": "the user of Cloud Foundry's containers",
    "vscode": "the user of development containers",
    "www-data": "a system account",
    "zeppelin": "the user of notebooks on Amazon EMR",
}
_NAMELESS = re.compile(r"user [0-9]+")


def shared_by_all(user: str) -> str:
    """Why a user's name says nothing about who it was; "" where it may be somebody's."""
    if _NAMELESS.fullmatch(user):
        return "a uid without a name, as in containers"
    return SHARED.get(user.casefold(), "")
