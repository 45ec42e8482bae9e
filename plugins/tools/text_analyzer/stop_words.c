/* SPDX-License-Identifier: Apache-2.0
 * Function words of eight languages: they say nothing about what a text is about. Own lists,
 * case-folded (ß is ss). */
#include "analyzer.h"

static const struct {
    const char *language, *words;
} lists[] = {
    {"en",
     "a about above after again against all almost along already also although always am among an "
     "and another any are aren't around as at away be became because been before being below "
     "between both but by can can't cannot could couldn't did didn't do does doesn't doing don't "
     "down during each either else ever every few for from further had hadn't has hasn't have "
     "haven't having he he'd he'll he's her here here's hers herself him himself his how how's i "
     "i'd i'll i'm i've if in into is isn't it it's its itself just let's may me might more most "
     "much must mustn't my myself neither no nor not now of off often on once only onto or other "
     "others ought our ours ourselves out over own per perhaps quite rather really same shall "
     "shan't she she'd she'll she's should shouldn't since so some still such than that that's the "
     "their theirs them themselves then there there's these they they'd they'll they're they've "
     "this those though through thus to too toward towards under until up upon us very was wasn't "
     "we we'd we'll we're we've were weren't what what's when when's where where's whether which "
     "while who who's whom whose why why's will with within without won't would wouldn't yet you "
     "you'd you'll you're you've your yours yourself yourselves"},
    {"de",
     "aber alle allem allen aller alles als also am an ander andere anderem anderen anderer "
     "anderes "
     "auch auf aus bei beim bereits bevor bin bis bist da dabei dadurch dafür dagegen daher dahin "
     "damit danach dann daran darauf daraus darf darin darum darüber das dass dasselbe davon dazu "
     "dein deine deinem deinen deiner deines dem den denen denn dennoch der deren derselbe des "
     "deshalb dessen dich die dies diese dieselbe diesem diesen dieser dieses dir doch dort du "
     "durch dürfen ein eine einem einen einer eines einige einigem einigen einiger einiges einmal "
     "er es etwa etwas euch euer eure eurem euren eurer eures für gegen gewesen hab habe haben hat "
     "hatte hatten hattest hattet hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer "
     "ihres im immer in indem ins ist ja jede jedem jeden jeder jedes jedoch jemand jene jenem "
     "jenen jener jenes jetzt kann kannst kein keine keinem keinen keiner keines können könnte "
     "könnten machen man manche manchem manchen mancher manches mehr mein meine meinem meinen "
     "meiner meines mich mir mit muss musste müssen nach nachdem neben nein nicht nichts nie noch "
     "nun nur ob oder ohne schon sehr sein seine seinem seinen seiner seines seit selbst sich sie "
     "sind so sogar solche solchem solchen solcher solches soll sollen sollte sollten sondern "
     "sonst "
     "soweit sowie trotzdem über um und uns unser unsere unserem unseren unserer unseres unter vom "
     "von vor während war waren warst warum was wegen weil welche welchem welchen welcher welches "
     "wenn wer werde werden wie wieder will wir wird wirst wo woher wohin wollen wollte worden "
     "wurde wurden würde würden zu zum zur zwar zwischen"},
    {"fr",
     "à afin ai aie ainsi alors après as assez au aucun aucune aujourd'hui auquel aura "
     "aurait auront aussi autre autres aux auxquels avaient avais avait avant avec avez avoir "
     "avons "
     "ayant beaucoup bien c ça car ce ceci cela celle celles celui cependant ces cet cette ceux "
     "chaque chez ci comme comment d dans de dehors déjà depuis des dessous dessus deux devant "
     "doit "
     "donc dont du d'un d'une durant elle elles en encore entre es est et étaient étais était "
     "étant été être eu eux fait faire faut fois font furent fut hors ici il ils j je jusqu l la "
     "laquelle le lequel les lesquels leur leurs lors lorsque lui là m ma mais malgré me même "
     "mêmes mes mien mienne moi moins mon n ne ni non nos notre nous ont ou où par parce parmi pas "
     "pendant peu peut peuvent plus plusieurs plutôt pour pourquoi puis puisque qu quand que quel "
     "quelle quelles quels qui quoi s sa sans sauf se selon sera serait seront ses seulement si "
     "sien sienne soi soient sois soit sommes son sont sous soyez suis sur t ta tandis te tes toi "
     "ton tous tout toute toutes très trop tu un une vers voici voilà vos votre vous vu y c'est "
     "n'est qu'il qu'elle qu'on qu'un qu'une s'est j'ai l'on on"},
    {"es",
     "a al algo alguien algún alguna algunas alguno algunos allá allí ambos ante antes apenas "
     "aquel "
     "aquella aquellas aquello aquellos aquí así aún aunque bajo bastante bien cabe cada casi como "
     "cómo con conmigo contigo contra cual cuál cuales cualquier cuando cuándo cuanto cuánto cuya "
     "cuyo de del demasiado dentro desde después donde dónde dos durante e el él ella ellas ello "
     "ellos en encima entonces entre era eran eras eres es esa esas ese eso esos esta está estaba "
     "estaban estado estamos están estar estas este esto estos estoy fue fueron fui fuera ha había "
     "habían han has hasta hay haya he hemos hubo incluso la las le les lo los luego más me mi mí "
     "mía mías mientras mío míos mis misma mismas mismo mismos mucha muchas mucho muchos muy nada "
     "nadie ni ningún ninguna ninguno no nos nosotras nosotros nuestra nuestras nuestro nuestros "
     "nunca o os otra otras otro otros para pero poca poco pocos por porque pues que qué quien "
     "quién quienes quizá quizás se sea sean según ser será serán si sí sido siempre sin sino "
     "sobre sois solo sólo somos son soy su sus suya suyas suyo suyos tal también tampoco tan "
     "tanto "
     "te tenemos tener tengo ti tiene tienen toda todas todavía todo todos tras tu tú tus tuya "
     "tuyo "
     "un una unas uno unos usted ustedes va vamos van varias varios vosotras vosotros voy vuestra "
     "vuestras vuestro vuestros y ya yo"},
    {"it", "a ad agli ai al alla alle allo anche ancora avere aveva c'è che chi ci ciò come con "
           "contro cosa così cui da dagli dai dal dalla dalle dallo degli dei del della delle "
           "dello di dopo dove due e è ed era erano essere fa fare fino fra fu gli già ha hai "
           "hanno ho i il in io la là le lei li lo loro lui ma me mentre mi mia mie miei mio molto "
           "ne né negli nei nel nella nelle nello no noi non nostra nostri nostro o ogni per "
           "perché però più poi prima qua quale quali quando quanto quella quelle quelli quello "
           "questa queste questi questo qui sarà se sei sempre senza si sì sia siamo solo sono "
           "sopra sotto stai stata stato sto su sua sue sugli sui sul sulla sulle suo suoi tra "
           "troppo tu tua tuo tutta tutte tutti tutto un una uno vi voi"},
    {"nl", "aan al alle alleen als altijd ander andere ben bij daar dan dat de der deze die dit "
           "doch doen door dus een en er ge geen geweest haar had hadden heb hebben heeft hem het "
           "hier hij hoe hun ik in is ja je jij jou jouw jullie kan kon kunnen maar me meer men "
           "met mij mijn moet na naar niet niets nog nu of om omdat ons onze ook op over reeds te "
           "tegen toch toen tot u uit uw van veel voor waar waren was wat we weer wel werd wezen "
           "wie wij wil worden wordt zal ze zei zelf zich zij zijn zo zonder zou zullen"},
    {"pt", "a à ainda algo alguém algum alguma além ambos ante antes ao aos após aquela aquelas "
           "aquele aqueles aquilo aqui as às assim até cada com como da dado das de dela delas "
           "dele deles depois desde do dos e é ela elas ele eles em entre era eram essa essas esse "
           "esses esta está estão estar estas estava estavam este estes eu foi foram há isso isto "
           "já lá lhe lhes lo mais mas me mesmo meu meus minha minhas muita muitas muito muitos na "
           "não nas nem nenhum nenhuma nessa nesse nesta neste no nos nós nossa nossas nosso "
           "nossos num numa o os ou para pela pelas pelo pelos per perante pois por porque porquê "
           "pouco qual qualquer quando quanto que quê quem são se seja sem sempre sendo ser será "
           "seu seus sim só sob sobre sou sua suas também te tem têm tenho ter teu teve tinha toda "
           "todas todo todos tu tua tudo um uma umas uns você vocês vos"},
    {"ro",
     "a acea aceasta această aceea acela acele acest acesta aceste acestea acești acum ai al ale "
     "am ar are așa asta au avea aveau avem aș ca că când care ce cea cei cel cele ci cine cu cum "
     "da dacă dar de deci decât deja despre din doar după e ea ei el ele era erau este eu fi fie "
     "fost iar în între își la le li lor lui mai mea mei mele mereu mi mult nici nimic noastră "
     "noastre noi nostru nu o or ori pe pentru până prin sa sale sau să se spre sub sunt te toate "
     "tot toți totuși tu un una unde unei unii unor unui va vă voi vor și"},
};

#define LIST_COUNT (sizeof lists / sizeof *lists)

const char *stop_words_language(size_t index)
{
    return index < LIST_COUNT ? lists[index].language : NULL;
}

int32_t stop_words_load(struct llmspell_call *call, const char *language, struct table *table)
{
    size_t i = 0;
    while (i < LIST_COUNT && strcmp(lists[i].language, language) != 0)
        i++;
    const char *at = i < LIST_COUNT ? lists[i].words : "";
    while (*at) {
        struct span word = {at, strcspn(at, " ")};
        int32_t rc = table_add(call, table, word, word);
        if (rc < 0)
            return rc;
        at += word.size;
        at += strspn(at, " ");
    }
    return 0;
}
