package docker

# Each test gives the policy an input and says what it must decide. To see the input of a real source:
#
#   policy-check eval --print docker-image://alpine:3.22

test_the_build_context_is_allowed if {
	decision.allow with input as {"local": {"name": "context"}}
}

test_a_trusted_registry_is_allowed if {
	decision.allow with input as {"image": {"ref": "docker.io/library/alpine:3.22", "host": "docker.io"}}
}

test_another_registry_is_denied if {
	result := decision with input as {"image": {
		"ref": "registry.example.com/app:1.0.0",
		"host": "registry.example.com",
	}}
	not result.allow
	some message in result.deny_msg
	contains(message, "registry.example.com is no registry that we trust")
}

test_git_by_https_is_allowed if {
	decision.allow with input as {"git": {"remote": "https://example.com/tool.git", "schema": "https"}}
}

test_unencrypted_git_is_denied if {
	result := decision with input as {"git": {"remote": "http://example.com/tool.git", "schema": "http"}}
	not result.allow
	"http://example.com/tool.git: fetch it by https or ssh" in result.deny_msg
}

test_a_file_by_https_is_allowed if {
	decision.allow with input as {"http": {"url": "https://example.com/a.tar.gz", "schema": "https"}}
}

test_an_unencrypted_file_is_denied if {
	result := decision with input as {"http": {"url": "http://example.com/a.tar.gz", "schema": "http"}}
	not result.allow
	"http://example.com/a.tar.gz: use https" in result.deny_msg
}

test_what_no_rule_knows_is_denied if {
	not decision.allow with input as {"env": {"filename": "Dockerfile"}}
}

test_each_trusted_registry_is_allowed if {
	every host in ["docker.io", "ghcr.io", "dhi.io"] {
		decision.allow with input as {"image": {"ref": concat("/", [host, "x:1"]), "host": host}}
	}
}

test_git_by_ssh_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with input as {"git": {
		"remote": "ssh://git@example.com/tool.git",
		"schema": "ssh",
	}}
}
