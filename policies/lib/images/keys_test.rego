package lib.images.keys_test

import data.lib.images.keys

image := {"ref": "ghcr.io/org/app:1.0.0"}

made_by(_, "cosign.pub") := [{"subject": "image", "type": "simplesigning-v1"}]

nothing(_, _) := []

test_a_signature_of_the_key if keys.signed(image, "cosign.pub") with verify_image_key as made_by

test_no_signature_of_the_key if not keys.signed(image, "other.pub") with verify_image_key as made_by

test_an_empty_answer_is_no_signature if not keys.signed(image, "cosign.pub") with verify_image_key as nothing

test_the_denial_names_the_key if {
	wanted := "ghcr.io/org/app:1.0.0: no signature of the key other.pub"
	keys.denial(image, "other.pub") == wanted with verify_image_key as made_by
}

test_what_is_signed_has_no_denial if not keys.denial(image, "cosign.pub") with verify_image_key as made_by
