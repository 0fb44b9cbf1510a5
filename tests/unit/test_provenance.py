from gvlab.provenance import Evidence, Manifest


def test_evidence_is_one_of_four_words():
    assert [item.value for item in Evidence] == ["measured", "derived", "calibrated", "assumed"]


def test_a_manifest_comes_back_from_json_as_it_was():
    manifest = Manifest("abc", {"cohort": "def"}, 7, "roadrunner", {"relative": 1e-6}, notes={"arm": "A"})
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert manifest.versions["python"].startswith("3.")
    assert "numpy" in manifest.versions
    assert manifest.replace(seed=8).seed == 8
