"""Who is to be cited: the methods of this project, and HEAR."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CITATIONS", "Citation", "bibtex"]


@dataclass(frozen=True)
class Citation:
    """One paper."""

    key: str
    title: str
    year: int
    arxiv: str
    authors: tuple[str, ...] = ()
    """``Family, Given``; ``others`` for those not named; empty where they are not known for certain."""
    note: str = ""


CITATIONS = (
    Citation(
        "hear2021",
        "HEAR: Holistic Evaluation of Audio Representations",
        2022,
        "2203.03022",
        ("Turian, Joseph", "Shier, Jordie", "others"),
        "NeurIPS 2021 Competitions and Demonstrations Track, PMLR 176",
    ),
    Citation(
        "audiomosaic",
        "AudioMosaic: Contrastive Masked Audio Representation Learning",
        2026,
        "2605.14231",
        ("Huang, Hanxun", "Wang, Qizhou", "Ma, Xingjun", "Xie, Cihang", "Leckie, Christopher", "Erfani, Sarah"),
        "ICML 2026",
    ),
    Citation(
        "msm_mae",
        "Masked Spectrogram Modeling using Masked Autoencoders for Learning General-purpose Audio Representation",
        2022,
        "2204.12260",
        ("Niizumi, Daisuke", "others"),
        "HEAR: Holistic Evaluation of Audio Representations, PMLR 166",
    ),
    Citation(
        "aasp",
        "AaSP: Aliasing-aware Self-Supervised Pre-Training for Audio Spectrogram Transformers",
        2025,
        "2512.03637",
        ("Yamamoto, Kohei", "Okusa, Kosuke"),
    ),
    Citation(
        "adversarial_negatives",
        "Enhancing Unsupervised Audio Representation Learning via Adversarial Sample Generation",
        2023,
        "2303.08561",
    ),
)
"""HEAR first."""


def bibtex() -> str:
    """All of them as BibTeX, ending in a line feed."""
    return "\n".join(map(_entry, CITATIONS))


def _entry(one: Citation) -> str:
    fields = {
        "title": f"{{{one.title}}}",
        "author": " and ".join(one.authors),
        "year": str(one.year),
        "eprint": one.arxiv,
        "archivePrefix": "arXiv",
        "url": f"https://arxiv.org/abs/{one.arxiv}",
        "note": one.note,
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{one.key},", *lines, "}", ""])
