package lib.images.platforms_test

import data.lib.images.platforms

arm := {"ref": "docker.io/library/alpine:3.22", "os": "linux", "arch": "arm", "variant": "v7"}

test_a_listed_platform_is_allowed if platforms.allowed(arm, {"linux/amd64", "linux/arm"})

test_another_platform_is_denied if not platforms.allowed(arm, {"linux/amd64", "linux/arm64"})

test_an_unknown_platform_is_denied if not platforms.allowed({"ref": "x"}, {"linux/amd64"})

test_the_denial_names_the_platforms if {
	platforms.denial(arm, {"linux/amd64"}) == "docker.io/library/alpine:3.22: images may be for linux/amd64"
}

test_what_is_allowed_has_no_denial if not platforms.denial(arm, {"linux/arm"})

test_several_platforms_are_listed if {
	endswith(platforms.denial(arm, {"linux/arm64", "linux/amd64"}), "for linux/amd64, linux/arm64")
}
