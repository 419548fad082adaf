package lib.urls.hosts_test

import data.lib.urls.hosts

release := {
	"url": "https://github.com/our-org/app/releases/a.tar",
	"schema": "https",
	"host": "github.com",
	"path": "/our-org/app/releases/a.tar",
}

plain := object.union(release, {"url": "http://github.com/our-org/app/releases/a.tar", "schema": "http"})

test_encrypted if {
	hosts.encrypted(release)
	not hosts.encrypted(plain)
	not hosts.encrypted({})
}

test_allowed if {
	hosts.allowed(release, {"github.com"})
	not hosts.allowed(release, {"example.com"})
	not hosts.allowed(plain, {"github.com"})
}

test_a_host_is_compared_whole if {
	not hosts.allowed(object.union(release, {"host": "github.com.evil.example"}), {"github.com"})
	not hosts.allowed(object.union(release, {"host": "github.com:8443"}), {"github.com"})
}

test_below if {
	hosts.below(release, {"github.com/our-org"})
	hosts.below(release, {"github.com/our-org/", "example.com"})
	hosts.below(release, {"github.com"})
	not hosts.below(release, {"github.com/our", "github", "", "/", "github.com/our-org/app/releases/a.tar"})
	not hosts.below(plain, {"github.com/our-org"})
}

test_denials if {
	hosts.denial(release, {"b.example", "a.example"}) == concat("", [
		"https://github.com/our-org/app/releases/a.tar: ",
		"files may come from a.example, b.example alone",
	])
	hosts.denial(plain, {"github.com"}) == "http://github.com/our-org/app/releases/a.tar: use https"
	hosts.denial_encrypted(plain) == "http://github.com/our-org/app/releases/a.tar: use https"
}

test_what_is_allowed_has_no_denial if {
	not hosts.denial(release, {"github.com"})
	not hosts.denial(release, {"github.com/our-org"})
	not hosts.denial_encrypted(release)
}

test_anonymous if {
	hosts.anonymous(release)
	not hosts.anonymous(object.union(release, {"hasAuth": true}))
	not hosts.anonymous({})
}

test_the_denial_of_credentials if {
	wanted := "https://github.com/our-org/app/releases/a.tar: credentials must not be sent there"
	hosts.denial_anonymous(object.union(release, {"hasAuth": true})) == wanted
	not hosts.denial_anonymous(release)
}

test_schemas_are_compared_whole if not hosts.encrypted(object.union(release, {"schema": "https2"}))

test_below_is_from_the_beginning if {
	elsewhere := object.union(release, {"host": "evil.example", "path": "/github.com/our-org/a"})
	not hosts.below(elsewhere, {"github.com/our-org"})
}
