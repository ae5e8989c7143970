"""What Unicode 17.0 says of characters, as far as names need it.

Written by `tests/unit/make_unicode_tables.py`. Python's own tables are not asked what is assigned: each version of
Python has those of another year (3.11 knows Unicode 14, 3.13 Unicode 15.1), and a name is good or not wherever it is
looked at. Made from the Unicode Character Database and the data of UTS 39, copyright of Unicode, Inc.
(https://www.unicode.org/license.txt).

Ranges are hexadecimal code points, the last one included.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "17.0"
HIDDEN: Final = (
    "ad 34f 61c 115f-1160 17b4-17b5 180b-180f 200b-200f 2028-202e 2060-206f 3164 fe00-fe0f feff ffa0 fff0-fffb "
    "13430-1343f 1bca0-1bca3 1d173-1d17a e0000-e0fff"
)
"""Default_Ignorable_Code_Point, and format characters and separators, but for those that have a shape
(Prepended_Concatenation_Mark)."""
BLANK: Final = "2800 13441-13442 16fe4 1d159"
"""Characters that fonts leave empty, though they are signs."""
SPACES: Final = "20 a0 1680 2000-200a 202f 205f 3000"
"""Space_Separator."""
NO_CHARACTERS: Final = (
    "378-379 380-383 38b 38d 3a2 530 557-558 58b-58c 590 5c8-5cf 5eb-5ee 5f5-5ff 70e 74b-74c 7b2-7bf 7fb-7fc "
    "82e-82f 83f 85c-85d 85f 86b-86f 892-896 984 98d-98e 991-992 9a9 9b1 9b3-9b5 9ba-9bb 9c5-9c6 9c9-9ca 9cf-9d6 "
    "9d8-9db 9de 9e4-9e5 9ff-a00 a04 a0b-a0e a11-a12 a29 a31 a34 a37 a3a-a3b a3d a43-a46 a49-a4a a4e-a50 a52-a58 "
    "a5d a5f-a65 a77-a80 a84 a8e a92 aa9 ab1 ab4 aba-abb ac6 aca ace-acf ad1-adf ae4-ae5 af2-af8 b00 b04 b0d-b0e "
    "b11-b12 b29 b31 b34 b3a-b3b b45-b46 b49-b4a b4e-b54 b58-b5b b5e b64-b65 b78-b81 b84 b8b-b8d b91 b96-b98 b9b "
    "b9d ba0-ba2 ba5-ba7 bab-bad bba-bbd bc3-bc5 bc9 bce-bcf bd1-bd6 bd8-be5 bfb-bff c0d c11 c29 c3a-c3b c45 c49 "
    "c4e-c54 c57 c5b c5e-c5f c64-c65 c70-c76 c8d c91 ca9 cb4 cba-cbb cc5 cc9 cce-cd4 cd7-cdb cdf ce4-ce5 cf0 "
    "cf4-cff d0d d11 d45 d49 d50-d53 d64-d65 d80 d84 d97-d99 db2 dbc dbe-dbf dc7-dc9 dcb-dce dd5 dd7 de0-de5 "
    "df0-df1 df5-e00 e3b-e3e e5c-e80 e83 e85 e8b ea4 ea6 ebe-ebf ec5 ec7 ecf eda-edb ee0-eff f48 f6d-f70 f98 fbd "
    "fcd fdb-fff 10c6 10c8-10cc 10ce-10cf 1249 124e-124f 1257 1259 125e-125f 1289 128e-128f 12b1 12b6-12b7 12bf "
    "12c1 12c6-12c7 12d7 1311 1316-1317 135b-135c 137d-137f 139a-139f 13f6-13f7 13fe-13ff 169d-169f 16f9-16ff "
    "1716-171e 1737-173f 1754-175f 176d 1771 1774-177f 17de-17df 17ea-17ef 17fa-17ff 181a-181f 1879-187f "
    "18ab-18af 18f6-18ff 191f 192c-192f 193c-193f 1941-1943 196e-196f 1975-197f 19ac-19af 19ca-19cf 19db-19dd "
    "1a1c-1a1d 1a5f 1a7d-1a7e 1a8a-1a8f 1a9a-1a9f 1aae-1aaf 1ade-1adf 1aec-1aff 1b4d 1bf4-1bfb 1c38-1c3a "
    "1c4a-1c4c 1c8b-1c8f 1cbb-1cbc 1cc8-1ccf 1cfb-1cff 1f16-1f17 1f1e-1f1f 1f46-1f47 1f4e-1f4f 1f58 1f5a 1f5c "
    "1f5e 1f7e-1f7f 1fb5 1fc5 1fd4-1fd5 1fdc 1ff0-1ff1 1ff5 1fff 2072-2073 208f 209d-209f 20c2-20cf 20f1-20ff "
    "218c-218f 242a-243f 244b-245f 2b74-2b75 2cf4-2cf8 2d26 2d28-2d2c 2d2e-2d2f 2d68-2d6e 2d71-2d7e 2d97-2d9f "
    "2da7 2daf 2db7 2dbf 2dc7 2dcf 2dd7 2ddf 2e5e-2e7f 2e9a 2ef4-2eff 2fd6-2fef 3040 3097-3098 3100-3104 3130 "
    "318f 31e6-31ee 321f a48d-a48f a4c7-a4cf a62c-a63f a6f8-a6ff a7dd-a7f0 a82d-a82f a83a-a83f a878-a87f "
    "a8c6-a8cd a8da-a8df a954-a95e a97d-a97f a9ce a9da-a9dd a9ff aa37-aa3f aa4e-aa4f aa5a-aa5b aac3-aada "
    "aaf7-ab00 ab07-ab08 ab0f-ab10 ab17-ab1f ab27 ab2f ab6c-ab6f abee-abef abfa-abff d7a4-d7af d7c7-d7ca "
    "d7fc-f8ff fa6e-fa6f fada-faff fb07-fb12 fb18-fb1c fb37 fb3d fb3f fb42 fb45 fdd0-fdef fe1a-fe1f fe53 fe67 "
    "fe6c-fe6f fe75 fefd-fefe ff00 ffbf-ffc1 ffc8-ffc9 ffd0-ffd1 ffd8-ffd9 ffdd-ffdf ffe7 ffef fffe-ffff 1000c "
    "10027 1003b 1003e 1004e-1004f 1005e-1007f 100fb-100ff 10103-10106 10134-10136 1018f 1019d-1019f 101a1-101cf "
    "101fe-1027f 1029d-1029f 102d1-102df 102fc-102ff 10324-1032c 1034b-1034f 1037b-1037f 1039e 103c4-103c7 "
    "103d6-103ff 1049e-1049f 104aa-104af 104d4-104d7 104fc-104ff 10528-1052f 10564-1056e 1057b 1058b 10593 10596 "
    "105a2 105b2 105ba 105bd-105bf 105f4-105ff 10737-1073f 10756-1075f 10768-1077f 10786 107b1 107bb-107ff "
    "10806-10807 10809 10836 10839-1083b 1083d-1083e 10856 1089f-108a6 108b0-108df 108f3 108f6-108fa 1091c-1091e "
    "1093a-1093e 1095a-1097f 109b8-109bb 109d0-109d1 10a04 10a07-10a0b 10a14 10a18 10a36-10a37 10a3b-10a3e "
    "10a49-10a4f 10a59-10a5f 10aa0-10abf 10ae7-10aea 10af7-10aff 10b36-10b38 10b56-10b57 10b73-10b77 10b92-10b98 "
    "10b9d-10ba8 10bb0-10bff 10c49-10c7f 10cb3-10cbf 10cf3-10cf9 10d28-10d2f 10d3a-10d3f 10d66-10d68 10d86-10d8d "
    "10d90-10e5f 10e7f 10eaa 10eae-10eaf 10eb2-10ec1 10ec8-10ecf 10ed9-10ef9 10f28-10f2f 10f5a-10f6f 10f8a-10faf "
    "10fcc-10fdf 10ff7-10fff 1104e-11051 11076-1107e 110c3-110cc 110ce-110cf 110e9-110ef 110fa-110ff 11135 "
    "11148-1114f 11177-1117f 111e0 111f5-111ff 11212 11242-1127f 11287 11289 1128e 1129e 112aa-112af 112eb-112ef "
    "112fa-112ff 11304 1130d-1130e 11311-11312 11329 11331 11334 1133a 11345-11346 11349-1134a 1134e-1134f "
    "11351-11356 11358-1135c 11364-11365 1136d-1136f 11375-1137f 1138a 1138c-1138d 1138f 113b6 113c1 113c3-113c4 "
    "113c6 113cb 113d6 113d9-113e0 113e3-113ff 1145c 11462-1147f 114c8-114cf 114da-1157f 115b6-115b7 115de-115ff "
    "11645-1164f 1165a-1165f 1166d-1167f 116ba-116bf 116ca-116cf 116e4-116ff 1171b-1171c 1172c-1172f 11747-117ff "
    "1183c-1189f 118f3-118fe 11907-11908 1190a-1190b 11914 11917 11936 11939-1193a 11947-1194f 1195a-1199f "
    "119a8-119a9 119d8-119d9 119e5-119ff 11a48-11a4f 11aa3-11aaf 11af9-11aff 11b0a-11b5f 11b68-11bbf 11be2-11bef "
    "11bfa-11bff 11c09 11c37 11c46-11c4f 11c6d-11c6f 11c90-11c91 11ca8 11cb7-11cff 11d07 11d0a 11d37-11d39 11d3b "
    "11d3e 11d48-11d4f 11d5a-11d5f 11d66 11d69 11d8f 11d92 11d99-11d9f 11daa-11daf 11ddc-11ddf 11dea-11edf "
    "11ef9-11eff 11f11 11f3b-11f3d 11f5b-11faf 11fb1-11fbf 11ff2-11ffe 1239a-123ff 1246f 12475-1247f 12544-12f8f "
    "12ff3-12fff 13456-1345f 143fb-143ff 14647-160ff 1613a-167ff 16a39-16a3f 16a5f 16a6a-16a6d 16abf 16aca-16acf "
    "16aee-16aef 16af6-16aff 16b46-16b4f 16b5a 16b62 16b78-16b7c 16b90-16d3f 16d7a-16e3f 16e9b-16e9f 16eb9-16eba "
    "16ed4-16eff 16f4b-16f4e 16f88-16f8e 16fa0-16fdf 16fe5-16fef 16ff7-16fff 18cd6-18cfe 18d1f-18d7f 18df3-1afef "
    "1aff4 1affc 1afff 1b123-1b131 1b133-1b14f 1b153-1b154 1b156-1b163 1b168-1b16f 1b2fc-1bbff 1bc6b-1bc6f "
    "1bc7d-1bc7f 1bc89-1bc8f 1bc9a-1bc9b 1bca4-1cbff 1ccfd-1ccff 1ceb4-1ceb9 1ced1-1cedf 1cef1-1ceff 1cf2e-1cf2f "
    "1cf47-1cf4f 1cfc4-1cfff 1d0f6-1d0ff 1d127-1d128 1d1eb-1d1ff 1d246-1d2bf 1d2d4-1d2df 1d2f4-1d2ff 1d357-1d35f "
    "1d379-1d3ff 1d455 1d49d 1d4a0-1d4a1 1d4a3-1d4a4 1d4a7-1d4a8 1d4ad 1d4ba 1d4bc 1d4c4 1d506 1d50b-1d50c 1d515 "
    "1d51d 1d53a 1d53f 1d545 1d547-1d549 1d551 1d6a6-1d6a7 1d7cc-1d7cd 1da8c-1da9a 1daa0 1dab0-1deff 1df1f-1df24 "
    "1df2b-1dfff 1e007 1e019-1e01a 1e022 1e025 1e02b-1e02f 1e06e-1e08e 1e090-1e0ff 1e12d-1e12f 1e13e-1e13f "
    "1e14a-1e14d 1e150-1e28f 1e2af-1e2bf 1e2fa-1e2fe 1e300-1e4cf 1e4fa-1e5cf 1e5fb-1e5fe 1e600-1e6bf 1e6df "
    "1e6f6-1e6fd 1e700-1e7df 1e7e7 1e7ec 1e7ef 1e7ff 1e8c5-1e8c6 1e8d7-1e8ff 1e94c-1e94f 1e95a-1e95d 1e960-1ec70 "
    "1ecb5-1ed00 1ed3e-1edff 1ee04 1ee20 1ee23 1ee25-1ee26 1ee28 1ee33 1ee38 1ee3a 1ee3c-1ee41 1ee43-1ee46 1ee48 "
    "1ee4a 1ee4c 1ee50 1ee53 1ee55-1ee56 1ee58 1ee5a 1ee5c 1ee5e 1ee60 1ee63 1ee65-1ee66 1ee6b 1ee73 1ee78 1ee7d "
    "1ee7f 1ee8a 1ee9c-1eea0 1eea4 1eeaa 1eebc-1eeef 1eef2-1efff 1fb93 1fbfb-1fbff 1fffe-1ffff 2a6e0-2a6ff "
    "2b81e-2b81f 2ceae-2ceaf 2ebe1-2ebef 2ee5e-2f7ff 2fa1e-2ffff 3134b-3134f 3347a-dffff e1000-10ffff"
)
"""Unassigned, private use and surrogates; but for what is reserved for pictures:
phones have new ones every year."""
SCRIPTS: Final = {
    "Arab": (
        "620-63a 63d 641-652 654-655 660-669 670 672 674 679-68f 691-69a 69f-6a0 6a2 6a4-6ab 6ad-6b1 6b3 6b5-6b7 "
        "6ba-6be 6c0-6d3 6d5 6ee-6f9 6ff 751-752 756 760 762-763 766-768 76a 76e-771 88f 8a0 8a2-8a9 8bb-8c2 8c7"
    ),
    "Armn": ("308 531-556 561-586"),
    "Beng": ("2bc 981-983 985-98b 98f-990 993-9a8 9aa-9b0 9b2 9b6-9b9 9bc 9be-9c4 9c7-9c8 9cb-9ce 9e6-9f1"),
    "Cyrl": (
        "2bc 300-302 304 306 308 30b 401-40c 40e-44f 451-45c 45e-45f 490-49b 49e-4a5 4a8-4b7 4ba-4c0 4cf-4d9 "
        "4dc-4e9 4ee-4f5 4f8-4f9 524-525"
    ),
    "Deva": ("2bc 901-903 905-90b 90d-928 92a-933 935-93c 93e-943 945-94d 94f 956-957 966-96f 972-977 97b-97c 97e-97f"),
    "Ethi": (
        "1200-1206 1208-1248 124a-124d 1250-1256 1258 125a-125d 1260-1286 1288 128a-128d 1290-12ae 12b0 12b2-12b5 "
        "12b8-12be 12c0 12c2-12c5 12c8-12d6 12d8-12f7 1300-130e 1310 1312-1315 1318-131e 1320-1346 1348-1359 "
        "1e7e0-1e7e6 1e7e8-1e7eb 1e7ed-1e7ee 1e7f0-1e7fe"
    ),
    "Geor": ("10c7 10cd 10d0-10f0 1c90-1cba 1cbd-1cbf"),
    "Grek": ("300-301 304 306 308 386 388-38a 38c 38e-3a1 3a3-3ce 1fa0-1faf 1fb2-1fb4 1fec"),
    "Gujr": ("a82-a83 a85-a8d a8f-a91 a93-aa8 aaa-ab0 ab2-ab3 ab5-ab9 abc abe-ac5 ac7-ac9 acb-acd ae6-aef"),
    "Guru": ("a02 a05-a0a a0f-a10 a13-a28 a2a-a30 a32 a35 a38-a39 a3c a3e-a42 a47-a48 a4b-a4d a5c a70-a71"),
    "Hang": ("ac00-d7a3"),
    "Hani": (
        "3005-3007 3400-4dbf 4e00-9fff fa0e-fa0f fa11 fa13-fa14 fa1f fa21 fa23-fa24 fa27-fa29 20000-2a6df "
        "2a700-2b81d 2b820-2cead 2ceb0-2ebe0 2ebf0-2ee5d 30000-3134a 31350-33479"
    ),
    "Hebr": ("307-308 5d0-5ea"),
    "Hira": ("3041-3096 309d-309e 30fc"),
    "Kana": ("323 30a1-30fa 30fc-30fe"),
    "Khmr": ("1780-179c 179f-17a2 17a5-17a7 17aa-17b3 17b6-17cd 17d0 17d2 17e0-17e9"),
    "Knda": ("c82-c83 c85-c8b c8e-c90 c92-ca8 caa-cb0 cb2-cb3 cb5-cb9 cbe-cc3 cc6-cc8 cca-ccd ce6-cef"),
    "Laoo": (
        "e81-e82 e84 e87-e88 e8a e8d e94-e97 e99-e9f ea1-ea3 ea5 ea7 eaa-eab ead-eae eb0-eb2 eb4-eb9 ebb-ebd "
        "ec0-ec4 ec6 ec8-ecd ed0-ed9"
    ),
    "Latn": (
        "41-5a 61-7a c0-d6 d8-f6 f8-113 116-12b 12e-131 134-137 139-13e 141-148 14a-14d 150-155 158-161 164-17e "
        "181 186 189-18a 18e-192 194 196-199 19d 1a0-1a1 1af-1b0 1b2-1b4 1b7 1cd-1d4 1dd 1e6-1e9 1ee-1ef 1f8-1f9 "
        "218-21b 244 24c-24d 253-254 256-257 259 25b 263 268-269 272 289 28b 292 2bc 300-304 306-30c 323 331 "
        "1e0c-1e0d 1e12-1e13 1e20-1e21 1e24-1e25 1e36-1e37 1e3c-1e3f 1e42-1e4b 1e5a-1e5b 1e62-1e63 1e6c-1e6d "
        "1e70-1e71 1e8c-1e8d 1e92-1e93 1e9e 1ea0-1ef9 a78d a7aa"
    ),
    "Mlym": ("d02-d03 d05-d0b d0e-d10 d12-d28 d2a-d39 d3e-d43 d46-d48 d4a-d4b d4d d57 d7a-d7f"),
    "Mymr": ("1000-1049 105a-1064 1075-108a 108f aa7b"),
    "Orya": ("b01-b03 b05-b0b b0f-b10 b13-b28 b2a-b30 b32-b33 b36-b39 b3c b3e-b43 b47-b48 b4b-b4d b56 b5f b71"),
    "Sinh": ("d82-d83 d85-d8d d91-d96 d9a-d9d d9f-db1 db3-dbb dbd dc0-dc6 dca dcf-dd4 dd6 dd8-dde df2"),
    "Taml": (
        "b83 b85-b8a b8e-b90 b92-b95 b99-b9a b9c b9e-b9f ba3-ba4 ba8-baa bae-bb9 bbe-bc2 bc6-bc8 bca-bcd 11301 "
        "11303 1133c"
    ),
    "Telu": ("c02-c03 c05-c0b c0e-c10 c12-c28 c2a-c30 c32-c33 c35-c39 c3e-c44 c46-c48 c4a-c4d"),
    "Thaa": ("660-669 780-7b1"),
    "Thai": ("2bc 303 331 e01-e32 e34-e3a e40-e4d e50-e59"),
    "Tibt": (
        "f20-f29 f40-f42 f44-f47 f49-f4c f4e-f51 f53-f56 f58-f5b f5d-f68 f71-f72 f74 f7a-f80 f84 f90-f92 f94-f97 "
        "f99-f9c f9e-fa1 fa3-fa6 fa8-fab fad fb1-fb8 fba-fbc"
    ),
}
"""Letters, marks and digits that UTS 39 allows in identifiers, and all unified ideographs, by recommended script.
UTS 39 leaves out rare ideographs; names of people have them."""
COMMON: Final = "30-39 2bb 31b 326-328"
"""The same of no script, or of any."""
CONFUSABLE: Final = (
    "30:4f 31:6c 49:6c 6d:72,6e c6:41,45 d0:44,335 d8:4f,338 e6:61,65 e7:63,326 f0:2202,335 f8:6f,338 fe:70 "
    "10d:63,306 10f:64,306 110:44,335 111:64,335 11b:65,306 123:67,326 126:48,335 127:68,335 131:69 137:6b,326 "
    "13c:6c,326 13e:6c,306 141:4c,338 142:6c,338 146:6e,326 148:6e,306 14b:6e,329 152:4f,45 153:6f,65 159:72,306 "
    "15f:73,326 161:73,306 165:74,306 166:54,335 167:74,335 17e:7a,306 181:27,42 189:44,335 18a:27,44 191:46,326 "
    "192:66 196:6c 197:6c,335 198:4b,27 199:6b,314 19d:4e,326 1b3:27,59 1b4:79,314 1b7:33 1ce:61,306 1d0:69,306 "
    "1d2:6f,306 1d4:75,306 1e7:67,306 1e9:6b,306 1ef:21d,306 244:55,335 24d:72,335 253:62,314 256:64,328 "
    "257:64,314 259:1dd 25b:a793 263:79 266:68,314 268:69,335 269:69 28b:75 292:21d 2bb:27 2bc:27 30c:306 327:326 "
    "342:303 345:328 391:41 392:42 395:45 396:5a 397:48 398:4f,335 399:6c 39a:4b 39b:245 39c:4d 39d:4e 39f:4f "
    "3a1:50 3a3:1a9 3a4:54 3a5:59 3a7:58 3ac:61,301 3ad:a793,301 3ae:6e,329,301 3af:69,301 3b1:61 3b2:df 3b3:79 "
    "3b4:1e9f 3b5:a793 3b7:6e,329 3b8:4f,335 3b9:69 3ba:138 3bd:76 3bf:6f 3c1:70 3c3:6f 3c4:1d1b 3c5:75 3c6:278 "
    "3ca:69,308 3cb:75,308 3cc:6f,301 3cd:75,301 404:a792 405:53 406:6c 408:4a 410:41 411:62,304 412:42 413:393 "
    "415:45 417:33 41a:4b 41b:245 41c:4d 41d:48 41e:4f 41f:3a0 420:50 421:43 422:54 423:59 424:3a6 425:58 "
    "42b:62,6c 42c:62 42e:6c,4f 430:61 431:36 432:299 433:72 435:65 437:25c 438:1d0e 439:1d0e,306 43a:138 43c:28d "
    "43d:29c 43e:6f 43f:3c0 440:70 441:63 442:1d1b 443:79 444:278 445:78 448:77 44a:2c9,62 44b:185,69 44c:185 "
    "44f:1d19 451:65,308 453:72,301 454:a793 455:73 456:69 457:69,308 458:6a 45b:68,335 45c:138,301 45e:79,306 "
    "45f:75,329 490:393,27 491:72,27 492:393,335 493:72,335 496:416,329 497:436,329 498:33,326 499:25c,326 "
    "49a:4b,329 49b:138,329 49e:4b,335 49f:138,335 4a2:48,329 4a3:29c,329 4aa:43,326 4ab:63,326 4ac:54,329 "
    "4ad:1d1b,329 4ae:59 4af:79 4b0:59,335 4b1:79,335 4b2:58,329 4bb:68 4bd:65 4be:4bc,328 4bf:65,328 4c0:6c "
    "4cf:6c 4d1:61,306 4d3:61,308 4d4:41,45 4d5:61,65 4d7:65,306 4d8:18f 4d9:1dd 4df:25c,308 4e0:33 4e1:21d "
    "4e3:1d0e,304 4e5:1d0e,308 4e7:6f,308 4e8:4f,335 4e9:6f,335 4ef:79,304 4f1:79,308 4f3:79,30b 4f9:185,69,308 "
    "53b:12ae 544:1206 54a:1323 54c:1261 54d:55 54f:53 553:3a6 555:4f 561:77 563:71 566:71 56e:1e9f 570:68 "
    "572:6e,329 575:237 578:6e 57a:270 57c:6e 57d:75 581:67 582:69 584:66 585:6f 5d5:6c 5d8:76 5d9:27 5df:6c "
    "5e1:6f 622:6c,303 623:6c,654 625:6c,655 626:649,654 627:6c 62b:649,6db 634:633,6db 63d:649,302 647:6f "
    "64a:649 64b:30b 64e:301 64f:313 652:30a 653:303 660:2e 661:6c 665:6f 667:56 668:245 672:6c,674 679:649,615 "
    "67a:62a 67e:649,6db 681:62d,654 685:62d,6db 688:62f,615 68b:68a,615 68e:62f,6db 68f:62f,6db 691:631,615 "
    "692:631,306 698:631,6db 69f:637,6db 6a4:6a1,6db 6a7:641 6a8:6a1,6db 6a9:643 6aa:643 6ad:643,6db 6b5:644,306 "
    "6b7:644,6db 6ba:649 6bb:649,615 6bd:649,6db 6be:6f 6c0:6f,654 6c1:6f 6c2:6f,654 6c3:629 6c6:648,306 "
    "6c7:648,313 6c8:648,670 6c9:648,302 6cb:648,6db 6cc:649 6ce:649,306 6d0:67b 6d1:649,6db 6d2:649 6d3:649,654 "
    "6d5:6f 6ee:62f,302 6ef:631,302 6f0:2e 6f1:6c 6f2:662 6f3:663 6f4:664 6f5:6f 6f6:666 6f7:56 6f8:245 6f9:669 "
    "6ff:6f,302 751:628,6db 752:649,6db 756:649,306 762:6ac 763:643,6db 767:754 768:646,615 771:697,615 "
    "88f:649,30a 8a4:6a2,6db 8a7:645,6db 8a8:649,654 8a9:754 8bb:6a1 8bc:6a1 8bd:649 8be:649,6db,306 8bf:62a,306 "
    "8c0:649,615,306 8c1:686,306 8c2:643,306 901:306,307 902:307 903:3a 906:905,93e 908:930,94d,907 90d:90f,306 "
    "90e:90f,946 910:90f,11b64 911:905,93e,306 912:905,93e,946 913:905,93e,11b64 914:905,93e,948 931:930,323 "
    "93b:93e,93a 93c:323 93f:9bf 945:306 947:11b64 949:93e,306 956:11b62 957:11b63 966:6f 967:669 969:33 "
    "972:905,306 973:905,93a 974:905,93e,93a 975:905,94f 981:306,307 986:985,9be 9bc:323 9e6:6f 9ea:38 9ed:39 "
    "9f0:9b0 a02:307 a06:a05,a3e a07:92a,94d,91f,9bf a08:92a,94d,91f,a40 a09:a73,11b62 a0a:a73,11b63 "
    "a0f:92a,94d,91f,11b64 a10:a05,948 a14:a05,a4c a15:935 a1c:924,94d,924 a1f:91f a20:920 a24:909 a27:92a "
    "a2b:922 a2e:92d a35:939 a38:92e a3c:323 a3f:9bf a41:11b62 a42:11b63 a47:11b64 a48:948 a4b:946 a4d:94d "
    "a82:307 a83:3a a86:a85,abe a8d:a85,ac5 a8f:a85,ac7 a90:a85,ac8 a91:a85,abe,ac5 a93:a85,abe,ac7 "
    "a94:a85,abe,ac8 aaa:447 ab0:968 abc:323 ac1:941 ac2:942 acd:94d ae6:6f ae8:968 ae9:33 aea:96a aeb:447 "
    "aee:96e b01:306,307 b03:38 b06:b05,b3e b20:4f b3c:323 b8a:b89,bb3 b94:b92,bb3 b9c:b90 bb0:b88 bb8:bb6 "
    "bbe:b88 bc8:ba9 bca:bc6,b88 bcb:bc7,b88 bcc:bc6,bb3 bcd:307 bd7:bb3 c02:6f c03:983 c13:c12,c55 c14:c12,c4c "
    "c16:c96,323 c20:c30,5bc c22:c21,323 c25:c27,5bc c2d:c2c,323 c2e:c35,c41 c37:c35,323 c39:c35,c3e c42:c41,c3e "
    "c44:c43,c3e c82:6f c83:983 c85:c05 c86:c06 c87:c07 c90:c10 c92:c12 c93:c12,c55 c94:c12,c4c c97:c17 c9c:c1c "
    "c9d:c1d c9e:c1e c9f:c1f ca3:c23 ca6:c26 ca8:c28 caf:c2f cb0:c30 cb2:c32 cb3:c33 cbf:c3f cc0:c3f,cd5 cc1:c41 "
    "cc3:c43 ce6:4f ce7:c67 ce8:c68 cef:c6f d02:6f d03:983 d08:d07,d57 d09:b89 d0a:b89,d57 d10:bc6,d0e "
    "d13:d12,d3e d14:d12,d57 d16:bb5 d19:d28,d41 d1c:b90 d1f:73 d20:6f d23:ba3 d25:bae d31:d30 d34:bb4 d36:bb6 "
    "d3f:bbf d40:bbf d42:d41 d43:d41 d46:bc6 d47:bc7 d48:bc6,bc6 d4a:bc6,d3e d4b:bc7,d3e d7a:ba3,d4d d7b:d28,d4d "
    "d7c:d30,d4d d7d:d32,d4d d7e:d33,d4d d82:6f d83:983 d8d:dc3,dd8 d92:d91,dca d93:d91,dd9 db5:d91 db6:d9b "
    "db9:d94 dc0:da0 dc4:db7 e03:e02 e0b:e0a e0f:e0e e14:e04 e15:e04 e17:e11 e21:e06 e26:e20 e41:e40,e40 e45:e32 "
    "e4d:30a e50:6f e88:e08 e8d:e22 e9a:e1a e9b:e1b e9d:e1d e9e:e1e e9f:e1f eb8:e38 eb9:e39 ec8:e48 ec9:e49 "
    "eca:e4a ecb:e4b ecd:30a ed0:6f f7b:f7a,f7a f7d:f7c,f7c 1000:d30,102c 1002:d30 1004:63 1010:6f,102c 101d:6f "
    "101f:1015,102c 1023:d30,102c,1039,d30,102c 1029:101e,103c 102a:101e,103c,b47,102c,103a 1031:b47 1036:30a "
    "1038:983 1040:6f 105a:63 1061:101b,103e 107e:107d,103e 1081:d30,103e 10d7:6f,102c 10d8:d30 10e7:79 10f3:21d "
    "10ff:6f 1200:55 1223:270 1240:3a6 1260:548 1294:571 12d0:4f 178f:178a 17b7:e34 17b8:e35 17b9:e36 17ba:e37 "
    "17c6:30a 17cb:e48 17e0:6f 1e3f:72,6e,301 1e43:72,6e,323 1e9e:df 1f66:3c9,313,303 1f67:3c9,314,303 "
    "1f70:61,300 1fe5:70,314 3007:4f 304f:276c 3050:276c,3099 3071:306f,30a 3074:3072,30a 3077:3075,30a "
    "307a:3078,30a 307d:307b,30a 309a:30a 30a4:4ebb 30a8:5de5 30ab:529b 30ac:529b,3099 30bf:5915 30c0:5915,3099 "
    "30c8:535c 30c9:535c,3099 30cb:4e8c 30ce:2f 30cf:516b 30d0:516b,3099 30d1:516b,30a 30d4:30d2,30a "
    "30d7:30d5,30a 30d8:3078 30d9:3078,3099 30da:3078,30a 30dd:30db,30a 30ed:53e3 39b3:363d 439b:3588 4420:3b3b "
    "4695:278ae 4e00:30fc 4e15:110c,1169 4e1b:1109,1109,30fc 4e36:5c 4e3f:2f 4e8e:1b122 4eca:1109,30fc,1100 "
    "5002:4f75 503c:5024 5152:16ff3 535f:1106,1161 5408:1109,30fc,1106 555f:5553 56d7:53e3 586b:5861 58eb:571f "
    "58ff:58ab 5b00:5aaf 5e32:5e21 5e50:3b3a 6138:2b73f 6238:6236 6409:3a41 6663:403f 6669:665a 66f6:3ada "
    "6726:4443 67ff:676e 69e9:3ba3 6a27:699d 6f59:6e88 723f:1102,116e,4e28 784f:7814 7d76:7d55 80a6:670c "
    "80ca:6710 80d0:670f 80f6:3b35 8101:6713 8127:6718 8141:80fc 81a7:6723 853f:848d 8641:8637 8a1e:46b6 "
    "8a7d:8a2e 8b8f:8b86 8c63:8c5c 8d86:8d7f 8dfa:8de5 8e9b:8e97 8f27:8eff 90de:90ce 93ae:93ad "
    "9577:1110,30fc,1102,110c 96b8:96b7 9e43:9e42 9ed2:9ed1 9fc3:4039 20674:51f5 21533:58f7 21587:591a "
    "216a7:216a8 21fe8:276c 22505:5f9a 23d40:6d85 248fd:73a5 2511a:25119 25ad4:8d1b 2659d:265a8 26d06:26c36 "
    "2aec5:24814 2b73a:5cc0 2b73e:2335f 2d161:5351 31e7c:7dc7"
)
"""What they look like, where that is something else (UTS 39, section 4): its prototype."""
