# A page is a title line and paragraphs; the frame says where they go.
set -eu
for page in /pages/*.txt; do
    name=$(basename "$page" .txt)
    title=$(head -n 1 "$page")
    tail -n +2 "$page" | sed 's|.*|<p>&</p>|' > /tmp-body
    sed -e "s|TITLE|$title|" -e '/BODY/{r /tmp-body' -e 'd}' /frame.html > "/site/$name.html"
done
rm /tmp-body
