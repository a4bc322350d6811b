import csv
import hashlib
import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from brmrs_graph.data.boutique import (
    JOINT,
    PICTURE_ONLY,
    VOCABULARY,
    Boutique,
    BoutiqueConfig,
    contact_sheet,
    generate_boutique,
    wording,
    write_boutique,
    write_tables,
)
from brmrs_graph.data.boutique.descriptions import write_description
from brmrs_graph.data.boutique.faults import sample_faults
from brmrs_graph.data.boutique.pictures import SIZE, render_picture
from brmrs_graph.data.boutique.preferences import double_centre

SHIPPED = Path(__file__).parents[2] / "datasets" / "boutique"
SMALL = BoutiqueConfig(seed=3, n_items=120, n_users=150, max_pairs=40)

COLOUR_AND_PATTERN_WORDS = (
    *VOCABULARY["colour"], *VOCABULARY["pattern"],
    "grey", "gray", "violet", "crimson", "scarlet", "navy", "beige", "cream", "ivory", "tan", "gold",
    "golden", "silver", "turquoise", "teal", "striped", "stripe", "checked", "check", "chequered",
    "gingham", "tartan", "dotted", "dot", "polka", "spotted", "floral", "flower", "flowery", "blossom",
    "blobs", "print", "printed", "colour", "coloured", "color", "pattern", "patterned", "hue", "shade",
)  # fmt: skip


@pytest.fixture(scope="module")
def full() -> Boutique:
    return generate_boutique()


@pytest.fixture(scope="module")
def small() -> Boutique:
    return generate_boutique(SMALL)


# -- what the catalogue holds


def test_counts(full: Boutique) -> None:
    config = full.config
    per_user = np.bincount(full.users, minlength=config.n_users)
    per_item = np.bincount(full.items, minlength=config.n_items)
    assert len(full.attributes) == len(full.descriptions) == config.n_items
    assert per_user.min() >= config.min_pairs
    assert per_item.min() >= config.min_item_pairs
    assert per_user.mean() == pytest.approx(config.mean_pairs, rel=0.08)
    assert np.median(per_user) < per_user.mean(), "the numbers of pairs are skewed"
    assert len(set(zip(full.users.tolist(), full.items.tolist(), strict=True))) == len(full.users)


def test_every_user_has_pairs_of_each_split(full: Boutique) -> None:
    for label in (0, 1, 2):
        assert len(set(full.users[full.x_label == label].tolist())) == full.config.n_users


def test_attributes_are_balanced_and_independent(full: Boutique) -> None:
    for name, values in VOCABULARY.items():
        assert np.ptp(np.bincount(full.attributes.codes[name], minlength=len(values))) <= 1
    told, shown = (full.attributes.codes[name] for name in JOINT)
    assert set(Counter(zip(told.tolist(), shown.tolist(), strict=True)).values()) == {full.config.n_items // 60}


def test_fault_shares_are_exact(full: Boutique) -> None:
    config = full.config
    for shares, faults in (
        (config.text_shares, full.text_faults),
        (config.picture_shares, full.picture_faults),
    ):
        counts = Counter(faults.fault)
        for name, share in shares.items():
            assert counts[name] == round(share * config.n_items)
        assert counts["none"] == config.n_items - sum(counts[name] for name in shares)


@given(st.integers(0, 60), st.floats(0, 0.5), st.floats(0, 0.5), st.integers(0, 2**32))
def test_faults_carry_the_right_sources(n_items: int, swapped: float, gone: float, seed: int) -> None:
    faults = sample_faults(n_items, {"swapped": swapped, "gone": gone}, np.random.default_rng(seed))
    for item, (fault, source) in enumerate(zip(faults.fault, faults.source.tolist(), strict=True)):
        if fault == "swapped":
            assert source != item and faults.fault[source] == "swapped"
        else:
            assert source == (-1 if fault == "gone" else item)
    carried = [source for source in faults.source.tolist() if source >= 0]
    assert len(set(carried)) == len(carried), "nothing is carried twice"


# -- what users like


def test_joint_tastes_are_pure_interactions(full: Boutique) -> None:
    for axis in (1, 2):
        np.testing.assert_allclose(full.tastes.joint.mean(axis=axis), 0, atol=1e-12)
    np.testing.assert_allclose(full.tastes.joint.std(axis=(1, 2)), 1)


def test_double_centring_keeps_the_interaction_and_only_that() -> None:
    rng = np.random.default_rng(0)
    additive = rng.normal(size=(3, 6, 1)) + rng.normal(size=(3, 1, 10))
    interaction = double_centre(rng.normal(size=(3, 6, 10)))
    np.testing.assert_allclose(double_centre(additive), 0, atol=1e-12)
    np.testing.assert_allclose(double_centre(interaction + additive), interaction, atol=1e-12)


def explained(target: np.ndarray, codes: list[np.ndarray]) -> np.ndarray:
    """Share of each user's variance over garments that an additive model of the codes explains."""
    design = np.column_stack([np.ones(target.shape[1]), *(np.eye(code.max() + 1)[code] for code in codes)])
    target = target - target.mean(axis=1, keepdims=True)
    fitted = design @ np.linalg.lstsq(design, target.T, rcond=None)[0]
    return np.asarray(np.square(fitted).sum(axis=0) / np.square(target).sum(axis=1))


def test_no_sum_of_unimodal_terms_explains_the_joint_term(full: Boutique) -> None:
    codes, terms = full.attributes.codes, full.utility_terms()
    some_users = slice(0, 200)
    joint = terms["joint"][some_users]
    told, shown = (codes[name] for name in JOINT)
    assert explained(joint, [told, shown]).max() < 1e-10, "the balanced design makes this exact"
    # All other attributes together explain what so many random columns would of so few garments.
    columns = sum(len(values) - 1 for values in VOCABULARY.values())
    assert explained(joint, list(codes.values())).mean() < 1.5 * columns / len(told)
    assert explained(joint, [told * 10 + shown]).min() > 1 - 1e-10


def test_additive_terms_are_explained_by_their_own_attributes(full: Boutique) -> None:
    codes, terms = full.attributes.codes, full.utility_terms()
    for term, names in {"picture": ("colour", "pattern"), "text": ("material", "occasion", "care")}.items():
        assert explained(terms[term][:100], [codes[name] for name in names]).min() > 1 - 1e-10
    for term in ("shared", "picture", "text", "joint"):
        assert terms[term].std() == pytest.approx(1, abs=0.05)


def test_choices_follow_the_true_utility_whatever_the_faults(small: Boutique) -> None:
    chosen = small.utility()[small.users, small.items].mean()
    assert chosen > small.utility().mean() + 1.5
    flawless = generate_boutique(
        replace(SMALL, text_filler_share=0.0, text_swapped_share=0.0, picture_missing_share=0.0)
    )
    np.testing.assert_array_equal(flawless.items, small.items)


def test_users_of_a_style_share_tastes(full: Boutique) -> None:
    styles = full.tastes.styles
    pure = styles.max(axis=1) > 0.9
    style, joint = styles[pure].argmax(axis=1), full.tastes.joint[pure].reshape(pure.sum(), -1)
    alike = joint @ joint.T / joint.shape[1]
    same = style[:, None] == style
    off_diagonal = ~np.eye(len(style), dtype=bool)
    assert alike[same & off_diagonal].mean() > 0.6
    assert abs(alike[~same].mean()) < 0.25


# -- what is written about the garments


def test_no_text_names_colour_or_pattern(full: Boutique) -> None:
    forbidden = re.compile(rf"\b({'|'.join(COLOUR_AND_PATTERN_WORDS)})\b", re.IGNORECASE)
    for description in full.descriptions:
        assert not forbidden.search(f"{description.title} {description.text}")


def test_the_text_tells_the_attributes_it_should(full: Boutique) -> None:
    for item, (description, fault) in enumerate(zip(full.descriptions, full.text_faults.fault, strict=True)):
        source = int(full.text_faults.source[item])
        if source < 0:
            assert (description.title == "") == (description.text == "") == (fault == "empty")
            continue
        values = full.attributes.of(source)
        text = description.text.lower()
        for name, words in (
            ("kind", wording.KINDS[values["kind"]]),
            ("cut", wording.cuts(values["kind"], values["cut"])),
            ("material", wording.MATERIALS[values["material"]]),
        ):
            assert any(word.lower() in text for word in words), (name, description)
        assert any(word.lower() in description.title.lower() for word in wording.KINDS[values["kind"]])
        assert not re.search(r"[{}]", description.title + description.text)


def test_fillers_say_nothing(full: Boutique) -> None:
    words = {word.lower() for table in (wording.KINDS, wording.MATERIALS) for of in table.values() for word in of}
    fillers = [d for d, fault in zip(full.descriptions, full.text_faults.fault, strict=True) if fault == "filler"]
    assert fillers
    for description in fillers:
        text = f"{description.title} {description.text}".lower()
        assert not any(re.search(rf"\b{re.escape(word)}\b", text) for word in words)


# -- what is shown


@pytest.mark.parametrize("kind", VOCABULARY["kind"])
def test_the_picture_changes_with_what_it_shows(kind: str) -> None:
    def pixels(cut: str = "regular", colour: str = "blue", pattern: str = "plain") -> np.ndarray:
        picture = render_picture(kind, cut, colour, pattern, np.random.default_rng(1))
        assert picture.size == SIZE and picture.mode == "RGB"
        return np.asarray(picture, dtype=np.int16)

    base = pixels()
    np.testing.assert_array_equal(base, pixels())
    for other in (pixels(cut="wide"), pixels(colour="red"), pixels(pattern="dots")):
        assert np.abs(base - other).mean() > 1
    corners = base[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.min() > 200, "a light background around the garment"


def test_the_picture_depends_on_nothing_that_is_only_told(small: Boutique) -> None:
    codes = dict(small.attributes.codes)
    for name in ("material", "occasion", "care"):
        codes[name] = np.zeros_like(codes[name])
    other = replace(small, attributes=replace(small.attributes, codes=codes))
    for item in range(0, SMALL.n_items, 10):
        ours, theirs = small.picture(item), other.picture(item)
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert ours.tobytes() == theirs.tobytes()


def test_the_text_depends_on_nothing_that_is_only_shown(small: Boutique) -> None:
    item = small.text_faults.fault.index("none")
    values = small.attributes.of(item)
    unseen = {**values, **dict.fromkeys(PICTURE_ONLY, "?")}
    for seed in range(20):
        assert write_description(values, np.random.default_rng(seed)) == write_description(
            unseen, np.random.default_rng(seed)
        )


def test_faulty_pictures(full: Boutique) -> None:
    faults = full.picture_faults
    blank, missing, swapped = (faults.fault.index(name) for name in ("blank", "missing", "swapped"))
    assert full.picture(missing) is None
    empty = full.picture(blank)
    assert empty is not None and len(empty.getcolors() or []) == 1
    ours = full.picture(swapped)
    clean = replace(full, picture_faults=sample_faults(full.n_items, {}, np.random.default_rng(0)))
    theirs = clean.picture(int(faults.source[swapped]))
    assert ours is not None and theirs is not None and ours.tobytes() == theirs.tobytes()


def test_contact_sheet(small: Boutique) -> None:
    sheet = contact_sheet(small, range(7), columns=3)
    assert sheet.mode == "RGB" and sheet.width > 3 * SIZE[0] and sheet.height > 3 * SIZE[1]
    assert contact_sheet(small, []).width > 0


# -- the folder


def test_the_folder_is_the_same_every_time(tmp_path: Path) -> None:
    config = replace(SMALL, n_items=60, n_users=60, max_pairs=30, picture_missing_share=0.05)
    for name in ("one", "two"):
        write_boutique(tmp_path / name, generate_boutique(config))
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert one == two
    assert not [path for path in one if path.suffix == ".part"]
    images = [path for path in one if path.suffix == ".png"]
    assert len(images) == 60 - 3
    with Image.open(io.BytesIO(one[images[0]])) as picture:
        assert picture.size == SIZE

    other = generate_boutique(replace(config, seed=config.seed + 1))
    write_tables(tmp_path / "two", other)
    assert (tmp_path / "two" / "boutique.inter").read_bytes() != one[Path("boutique.inter")]


def test_a_picture_that_must_not_be_there_is_removed(tmp_path: Path) -> None:
    config = replace(SMALL, n_items=20, n_users=20, max_pairs=15, picture_missing_share=0.5)
    (tmp_path / "images").mkdir()
    for item in range(20):
        (tmp_path / "images" / f"{item}.png").write_bytes(b"stale")
    write_boutique(tmp_path, generate_boutique(config))
    assert len(list((tmp_path / "images").iterdir())) == 10


def test_the_shipped_files_are_those_of_the_card_and_the_tables_are_the_generated_ones(
    full: Boutique, tmp_path: Path
) -> None:
    write_tables(tmp_path, full)
    card = (SHIPPED / "dataset.yaml").read_text(encoding="utf-8")
    shipped = {path.name for path in SHIPPED.iterdir() if path.is_file()}
    digests = yaml.safe_load(card)["sha256"]
    assert shipped - {"dataset.yaml", "README.md"} == digests.keys()
    for name, digest in digests.items():
        assert hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest() == digest, name
    tables = yaml.safe_load((tmp_path / "dataset.yaml").read_text(encoding="utf-8"))["sha256"]
    assert digests.keys() - tables.keys() == {"image_feat.npy", "text_feat.npy"}
    for name in tables:
        assert (tmp_path / name).read_bytes() == (SHIPPED / name).read_bytes(), name
    assert card.startswith((tmp_path / "dataset.yaml").read_text(encoding="utf-8")), "features' hashes come last"


def test_the_shipped_features_are_zero_exactly_for_the_garments_without_picture_or_text(full: Boutique) -> None:
    for file, lacking, width in (
        ("image_feat.npy", [fault == "missing" for fault in full.picture_faults.fault], 1280),
        ("text_feat.npy", [fault == "empty" for fault in full.text_faults.fault], 384),
    ):
        x = np.load(SHIPPED / file, allow_pickle=False)
        assert x.dtype == np.float16 and x.shape == (full.n_items, width)
        np.testing.assert_array_equal(~x.any(axis=1), lacking)


def test_the_card_says_synthetic_and_counts_right(full: Boutique) -> None:
    card = yaml.safe_load((SHIPPED / "dataset.yaml").read_text(encoding="utf-8"))
    assert card["synthetic"] is True and "SYNTHETIC" in card["description"]
    assert (card["seed"], card["licence"], card["citation"]) == (full.config.seed, "MIT", None)
    splits = np.bincount(full.x_label).tolist()
    assert card["counts"] == {
        "users": full.config.n_users,
        "items": full.config.n_items,
        "pairs": len(full.users),
        **dict(zip(("train", "valid", "test"), splits, strict=True)),
    }
    assert "SYNTHETIC" in (SHIPPED / "README.md").read_text(encoding="utf-8").splitlines()[0]


def test_the_shipped_tables_read_back(full: Boutique) -> None:
    with (SHIPPED / "attributes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["itemID"]) for row in rows] == list(range(full.config.n_items))
    for item in (0, 599, 1199):
        assert {name: rows[item][name] for name in VOCABULARY} == full.attributes.of(item)
    pairs = np.loadtxt(SHIPPED / "boutique.inter", dtype=np.int64, skiprows=1, delimiter="\t")
    np.testing.assert_array_equal(pairs, np.column_stack([full.users, full.items, full.x_label]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, "seed"),
        ({"min_pairs": 2}, "min_pairs"),
        ({"max_pairs": 2000}, "max_pairs"),
        ({"n_styles": 0}, "n_styles"),
        ({"min_item_pairs": 5000}, "min_item_pairs"),
        ({"own_taste": 1.5}, "own_taste"),
        ({"text_empty_share": 0.95}, "shares"),
        ({"picture_blank_share": -0.1}, "shares"),
    ],
)
def test_impossible_parameters_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BoutiqueConfig(**change)  # type: ignore[arg-type]
