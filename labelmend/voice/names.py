"""Names that files keep and people read: they are told again as sentences are."""

from labelmend.voice.speak import meant

SOURCES = (
    meant("neighbour"),
    meant("classifier"),
    meant("lexical"),
    meant("prototype"),
    meant("description"),
    meant("card"),
    meant("self-training"),
    meant("reranker"),
    meant("reranker_oos"),
    meant("oos"),
    meant("channel"),
    meant("out-of-scope bias"),
)
"""Sources of evidence, and what speaks beside them; those of voters are the names of models."""

VERDICTS = (
    meant("better"),
    meant("worse"),
    meant("no difference shown"),
)
"""On classifiers, in comparison.json."""

CONDITIONS = (meant("as given"), meant("mended"), meant("gold"), meant("augmented"))
"""Labels that classifiers are trained on."""

ROLES = (
    *(meant("before"), meant("after"), meant("test")),
    *(meant("encoder"), meant("encoder{number:d}"), meant("describer"), meant("voter {model}")),
)
"""Of tables and models; `gold` is one too, and so are some sources of evidence."""

STAGES = (
    *(meant("embed"), meant("neighbours"), meant("describe"), meant("describe labels")),
    *(meant("index"), meant("candidates"), meant("learnability"), meant("rounds")),
    *(meant("rounds: channel"), meant("rounds: prototypes"), meant("rounds: weights")),
    *(meant("candidates: {source:name}"), meant("rounds: {source:name}")),
    *(meant("escalate"), meant("escalate: {source:name}"), meant("vote {model}")),
    *(meant("decide"), meant("answers"), meant("self-test"), meant("embed texts"), meant("write")),
    meant("write shards"),
)
"""Of a run, whose times are told."""

OUT_OF_SCOPE = (meant("oos texts"), meant("left-out labels"), meant("equal weights"))
"""What the weights of the signs of out-of-scope were learned from."""

ROWS = (meant("row {row:d}"), meant("rows {rows}"), meant("rows {rows} and {more:d} more"))
"""Which rows a note is about: see `labelmend.errors.row_list`."""

DECISIONS = (meant("keep"), meant("change"), meant("review"), meant("label"), meant("answered"))
"""As tables have them."""

LANGUAGES = (
    *(meant("Afrikaans"), meant("Albanian"), meant("Amharic"), meant("Arabic")),
    *(meant("Armenian"), meant("Assamese"), meant("Azerbaijani"), meant("Bashkir")),
    *(meant("Basque"), meant("Belarusian"), meant("Bengali"), meant("Bosnian"), meant("Breton")),
    *(meant("Bulgarian"), meant("Burmese"), meant("Catalan"), meant("Chinese")),
    *(meant("Croatian"), meant("Czech"), meant("Danish"), meant("Dutch"), meant("Dzongkha")),
    *(meant("English"), meant("Esperanto"), meant("Estonian"), meant("Faroese")),
    *(meant("Finnish"), meant("French"), meant("Frisian"), meant("Galician"), meant("Ganda")),
    *(meant("Georgian"), meant("German"), meant("Greek"), meant("Guarani"), meant("Gujarati")),
    *(meant("Haitian Creole"), meant("Hausa"), meant("Hebrew"), meant("Hindi")),
    *(meant("Hungarian"), meant("Icelandic"), meant("Igbo"), meant("Indonesian")),
    *(meant("Irish"), meant("Italian"), meant("Japanese"), meant("Javanese"), meant("Kannada")),
    *(meant("Kazakh"), meant("Khmer"), meant("Kinyarwanda"), meant("Korean"), meant("Kurdish")),
    *(meant("Kyrgyz"), meant("Lao"), meant("Latin"), meant("Latvian"), meant("Lingala")),
    *(meant("Lithuanian"), meant("Luxembourgish"), meant("Macedonian"), meant("Malagasy")),
    *(meant("Malay"), meant("Malayalam"), meant("Maltese"), meant("Marathi")),
    *(meant("Mongolian"), meant("Nepali"), meant("Northern Sami"), meant("Norwegian")),
    *(meant("Occitan"), meant("Odia"), meant("Oromo"), meant("Pashto"), meant("Persian")),
    *(meant("Polish"), meant("Portuguese"), meant("Punjabi"), meant("Quechua")),
    *(meant("Romanian"), meant("Russian"), meant("Sanskrit"), meant("Scottish Gaelic")),
    *(meant("Serbian"), meant("Shona"), meant("Sindhi"), meant("Sinhala"), meant("Slovak")),
    *(meant("Slovenian"), meant("Somali"), meant("Sotho"), meant("Spanish"), meant("Sundanese")),
    *(meant("Swahili"), meant("Swedish"), meant("Tagalog"), meant("Tajik"), meant("Tamil")),
    *(meant("Tatar"), meant("Telugu"), meant("Thai"), meant("Tigrinya"), meant("Turkish")),
    *(meant("Turkmen"), meant("Ukrainian"), meant("Urdu"), meant("Uyghur"), meant("Uzbek")),
    *(meant("Vietnamese"), meant("Welsh"), meant("Xhosa"), meant("Yiddish"), meant("Yoruba")),
    *(meant("Zulu"), meant("Serbian, Croatian or Bosnian"), meant("Indonesian or Malay")),
    *(meant("other languages"), meant("Cyrillic"), meant("Han"), meant("Devanagari")),
    *(meant("Hangul"), meant("Hiragana"), meant("Katakana"), meant("Ethiopic")),
    *(meant("Gurmukhi")),
)
"""Names of languages and of scripts; `Latin` and `Greek` are both."""
